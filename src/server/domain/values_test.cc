#include "server/domain/values.h"

#include <gtest/gtest.h>

#include "server/domain/contract_text.h"
#include "server/domain/schema_fixture.h"

namespace attune::domain {
namespace {

std::string text_of(const Status& status) {
  return status.ok() ? "fits" : status.error().message();
}

const Schema kSchema = schema_of_everything();
const OrderedJson kFields = json(R"({"text":"hällo wörld"})");

std::string fields(const std::string& text) {
  return text_of(check_record_fields(kSchema, json(text)));
}
std::string metadata(const std::string& text) {
  return text_of(check_metadata(kSchema, json(text)));
}
std::string vectors(const std::string& text) {
  return text_of(check_vectors(kSchema, json(text)));
}

// The stored form of one answer to a question, or the error's text.
std::string answer(const std::string& name, const std::string& text) {
  OrderedJson value = json(text);
  Status status = check_answer(*question_named(kSchema, name), kFields, value);
  return status.ok() ? to_line(value) : status.error().message();
}

std::string response(ResponseStatus status, const std::string& text) {
  OrderedJson values = json(text);
  Status checked = check_response(kSchema, status, kFields, values);
  return checked.ok() ? to_line(values) : checked.error().message();
}
std::string submitted(const std::string& rank) {
  return response(ResponseStatus::kSubmitted, R"({"rank":{"value":)" + rank + "}}");
}

TEST(ContractText, QuotesAsTheOriginalDoes) {
  EXPECT_EQ(repr(json(R"(["a",1,null,true,0.5,2.0,{"k":"it's"}])")),
            R"(['a', 1, None, True, 0.5, 2.0, {'k': "it's"}])");
  EXPECT_EQ(repr(json(R"("it's \"so\"\n")")), R"('it\'s "so"\n')");
  EXPECT_EQ(shown(json(R"("it's")")), "it's");
  EXPECT_EQ(class_of(json("[]")), "<class 'list'>");
  EXPECT_EQ(class_of(json("1")), "<class 'int'>");
  EXPECT_EQ(characters("hällo"), 5u);
}

TEST(RecordFields, RequiredUnknownAndEmpty) {
  EXPECT_EQ(fields(R"({"text":"a"})"), "fits");
  EXPECT_EQ(fields(R"({"text":""})"), "fits");
  EXPECT_EQ(fields(R"({"text":"a","talk":null})"), "fits");
  EXPECT_EQ(fields("{}"), "fields cannot be empty");
  EXPECT_EQ(fields("null"), "fields cannot be empty");
  EXPECT_EQ(fields(R"({"talk":[]})"), "missing required value for field: 'text'");
  EXPECT_EQ(fields(R"({"text":null})"), "missing required value for field: 'text'");
  EXPECT_EQ(fields(R"({"text":"a","zz":"b"})"),
            "found fields values for non configured fields: ['zz']");
  EXPECT_EQ(fields(R"({"text":3})"), "text field 'text' value must be a text, found <class 'int'>");
}

TEST(RecordFields, ChatCustomAndImages) {
  EXPECT_EQ(fields(R"({"text":"a","talk":[{"role":"user","content":"hi"}]})"), "fits");
  EXPECT_EQ(fields(R"({"text":"a","talk":"hi"})"),
            "chat field 'talk' value must be a list of messages");
  EXPECT_EQ(fields(R"({"text":"a","talk":[{"role":"user"}]})"),
            "chat field 'talk' value must be a list of messages");
  EXPECT_EQ(fields(R"({"text":"a","talk":[{"role":"user","content":""}]})"),
            "chat field 'talk' message 0: content must have 1 to 20000 characters");
  EXPECT_EQ(fields(R"({"text":"a","talk":[{"role":"a role of 21 letters.","content":"x"}]})"),
            "chat field 'talk' message 0: role must have 1 to 20 characters");
  OrderedJson long_talk = {{"text", "a"}};
  OrderedJson message = {{"role", "user"}, {"content", "x"}};
  long_talk["talk"] = OrderedJson::array_t(501, message);
  EXPECT_EQ(text_of(check_record_fields(kSchema, long_talk)),
            "chat field 'talk' value is exceeding the maximum length of 500 messages");

  EXPECT_EQ(fields(R"({"text":"a","widget":{"k":1}})"), "fits");
  EXPECT_EQ(fields(R"({"text":"a","widget":"k"})"),
            "custom field 'widget' value must be a dictionary");

  EXPECT_EQ(fields(R"({"text":"a","picture":"https://example.org/a.png"})"), "fits");
  EXPECT_EQ(fields(R"({"text":"a","picture":"data:image/png;base64,AA=="})"), "fits");
  for (const char* bad : {"ftp://example.org/a.png", "https://example.org", "https:///a.png", "x",
                          "https://example.org?a/b", "data:"}) {
    EXPECT_EQ(fields(R"({"text":"a","picture":")" + std::string(bad) + "\"}"),
              "image field 'picture' has an invalid URL value")
        << bad;
  }
  EXPECT_EQ(fields(R"({"text":"a","picture":"data:image/tiff;base64,AA=="})"),
            "image field 'picture' value is using an unsupported MIME type, supported MIME types "
            "are: ['image/avif', 'image/gif', 'image/ico', 'image/jpeg', 'image/jpg', 'image/png', "
            "'image/svg', 'image/webp']");
  OrderedJson far = {{"text", "a"}, {"picture", "https://a.org/" + std::string(2025, 'x')}};
  EXPECT_EQ(
      text_of(check_record_fields(kSchema, far)),
      "image field 'picture' value is exceeding the maximum length of 2038 characters for Web "
      "URLs");
}

TEST(Metadata, TermsNumbersAndExtras) {
  EXPECT_EQ(metadata("null"), "fits");
  EXPECT_EQ(metadata(R"({"lang":"en","any":"x","count":3,"score":0.5,"free":[1]})"), "fits");
  EXPECT_EQ(metadata(R"({"lang":["en","de"],"flag":true,"count":null})"), "fits");
  std::string begin = "metadata is not valid: ";
  EXPECT_EQ(
      metadata(R"({"lang":"q"})"),
      begin + "'lang' metadata property validation failed because 'q' is not an allowed term.");
  EXPECT_EQ(
      metadata(R"({"lang":["en","q"]})"),
      begin + "'lang' metadata property validation failed because 'q' is not an allowed term.");
  EXPECT_EQ(
      metadata(R"({"flag":1})"),
      begin + "'flag' metadata property validation failed because '1' is not an allowed term.");
  EXPECT_EQ(metadata(R"({"count":"3"})"),
            begin + "'count' metadata property validation failed because '3' is not an integer.");
  EXPECT_EQ(
      metadata(R"({"count":true})"),
      begin + "'count' metadata property validation failed because 'True' is not an integer.");
  EXPECT_EQ(metadata(R"({"count":11})"),
            begin + "'count' metadata property validation failed because '11' is greater than the "
                    "maximum value of '10'.");
  EXPECT_EQ(metadata(R"({"count":-1})"),
            begin + "'count' metadata property validation failed because '-1' is less than the "
                    "minimum value of '0'.");
  EXPECT_EQ(metadata(R"({"score":"x"})"),
            begin + "'score' metadata property validation failed because 'x' is not a float.");
}

TEST(Metadata, AnIntegerIsANumberWhereAFloatIsDeclared) {
  EXPECT_EQ(metadata(R"({"score":1})"), "fits");
  EXPECT_EQ(metadata(R"({"score":2})"),
            "metadata is not valid: 'score' metadata property validation failed because '2' is "
            "greater than the maximum value of '1.0'.");
}

TEST(Metadata, ExtrasAreRefusedWhereTheDatasetSaysSo) {
  Schema strict = kSchema;
  strict.dataset.allow_extra_metadata = false;
  EXPECT_EQ(text_of(check_metadata(strict, json(R"({"free":1})"))),
            "metadata is not valid: 'free' metadata property does not exists for dataset "
            "'the-dataset' and extra metadata is not allowed for this dataset");
}

TEST(Vectors, NameAndLength) {
  EXPECT_EQ(vectors("null"), "fits");
  EXPECT_EQ(vectors(R"({"v":[1,0.5]})"), "fits");
  EXPECT_EQ(vectors(R"({"v":[1]})"),
            "vector value for vector name=v must have 2 elements, got 1 elements");
  EXPECT_EQ(vectors(R"({"w":[1]})"),
            "vector with name=w does not exist for dataset_id=the-dataset");
  EXPECT_EQ(vectors(R"({"v":[1,"2"]})"),
            "vector value for vector name=v must be a list of numbers");
}

TEST(Answers, TextRatingAndLabels) {
  EXPECT_EQ(answer("note", R"("x")"), R"("x")");
  EXPECT_EQ(answer("note", "1"), "text question expects a text value, found <class 'int'>");
  EXPECT_EQ(answer("stars", "2"), "2");
  EXPECT_EQ(answer("stars", "3"),
            "3 is not a valid rating for rating question.\nValid ratings are: [1, 2]");
  EXPECT_EQ(answer("stars", "1.0"),
            "1.0 is not a valid rating for rating question.\nValid ratings are: [1, 2]");
  EXPECT_EQ(answer("stars", "true"),
            "True is not a valid rating for rating question.\nValid ratings are: [1, 2]");
  EXPECT_EQ(answer("kind", R"("a")"), R"("a")");
  EXPECT_EQ(answer("kind", R"("q")"),
            "'q' is not a valid label for label selection question.\nValid labels are: ['a', 'b', "
            "'c']");
  EXPECT_EQ(answer("tags", R"(["b","a"])"), R"(["b","a"])");
  EXPECT_EQ(answer("tags", R"("a")"),
            "multi label selection questions expects a list of values, found <class 'str'>");
  EXPECT_EQ(answer("tags", "[]"),
            "multi label selection questions expects a list of values, found empty list");
  EXPECT_EQ(answer("tags", R"(["a","a"])"),
            "multi label selection questions expect a list of unique values, but duplicates were "
            "found");
  EXPECT_EQ(
      answer("tags", R"(["z","a","y"])"),
      "['y', 'z'] are not valid labels for multi label selection question.\nValid labels are: "
      "['a', 'b', 'c']");
}

TEST(Rankings, AreStoredBestFirstWithTheirTies) {
  // As the browser writes it: in the order of the options.
  EXPECT_EQ(submitted(R"([{"value":"a","rank":3},{"value":"b","rank":1},{"value":"c","rank":2}])"),
            R"({"rank":{"value":[{"value":"b","rank":1},{"value":"c","rank":2},)"
            R"({"value":"a","rank":3}]}})");
  EXPECT_EQ(submitted(R"([{"value":"a","rank":2},{"value":"b","rank":1},{"value":"c","rank":1}])"),
            R"({"rank":{"value":[{"value":"b","rank":1},{"value":"c","rank":1},)"
            R"({"value":"a","rank":2}]}})");
  // As SDK 2 writes it: best first, without ranks.
  EXPECT_EQ(submitted(R"([{"value":"c"},{"value":"a","rank":null},{"value":"b","extra":1}])"),
            R"({"rank":{"value":[{"value":"c","rank":1},{"value":"a","rank":2},)"
            R"({"value":"b","rank":3}]}})");
}

TEST(Rankings, SubmittedOnesAreWhole) {
  EXPECT_EQ(submitted(R"([{"value":"a","rank":1}])"),
            "ranking question expects a list containing 3 values, found a list of 1 values");
  EXPECT_EQ(submitted(R"([{"value":"a","rank":0},{"value":"b","rank":5},{"value":"c","rank":1}])"),
            "[0, 5] are not valid ranks for ranking question.\nValid ranks are: [1, 2, 3]");
  EXPECT_EQ(submitted(R"([{"value":"a","rank":1},{"value":"b","rank":2},{"value":"c"}])"),
            "[None] are not valid ranks for ranking question.\nValid ranks are: [1, 2, 3]");
  EXPECT_EQ(submitted(R"([{"value":"a","rank":1},{"value":"q","rank":2},{"value":"c","rank":3}])"),
            "['q'] are not valid values for ranking question.\nValid values are: ['a', 'b', 'c']");
  EXPECT_EQ(submitted(R"([{"value":"a","rank":1},{"value":"a","rank":2},{"value":"c","rank":3}])"),
            "ranking question expects a list of unique values, but duplicates were found");
  EXPECT_EQ(submitted(R"("a")"), "ranking question expects a list of values, found <class 'str'>");
  EXPECT_EQ(submitted(R"(["a","b","c"])"),
            "ranking question expects a list of values with ranks, found 'a'");
}

TEST(Rankings, DraftsMayBePartial) {
  std::string draft = response(ResponseStatus::kDraft,
                               R"({"rank":{"value":[{"value":"c"},{"value":"a","rank":1}]}})");
  EXPECT_EQ(draft, R"({"rank":{"value":[{"value":"a","rank":1},{"value":"c","rank":null}]}})");
}

TEST(Rankings, MayBeSubmittedInPartWhereTheQuestionAllowsIt) {
  Schema schema = kSchema;
  schema.questions[1].settings["allow_partial"] = true;
  auto submit = [&](const std::string& text) {
    OrderedJson values = json(text);
    Status status = check_response(schema, ResponseStatus::kSubmitted, kFields, values);
    return status.ok() ? to_line(values) : status.error().message();
  };
  EXPECT_EQ(submit(R"({"rank":{"value":[{"value":"c"},{"value":"a","rank":1}]}})"),
            R"({"rank":{"value":[{"value":"a","rank":1},{"value":"c","rank":null}]}})");
  EXPECT_EQ(submit(R"({"rank":{"value":[{"value":"c"},{"value":"a","rank":4}]}})"),
            "[4] are not valid ranks for ranking question.\nValid ranks are: [1, 2, 3]");
}

TEST(Spans, LieInTheTextAndApart) {
  auto span = [](const std::string& text) { return answer("marks", text); };
  EXPECT_EQ(span(R"([{"label":"a","start":0,"end":5},{"label":"b","start":6,"end":11,"x":1}])"),
            R"([{"label":"a","start":0,"end":5},{"label":"b","start":6,"end":11}])");
  // 11 characters, 13 bytes
  EXPECT_EQ(span(R"([{"label":"a","start":0,"end":12}])"),
            "span question response value `end` must have a value lower or equal than record field "
            "`text` length that is `11`");
  EXPECT_EQ(span(R"([{"label":"a","start":11,"end":12}])"),
            "span question response value `start` must have a value lower than record field `text` "
            "length that is `11`");
  EXPECT_EQ(span(R"([{"label":"a","start":3,"end":3}])"),
            "span question response value `end` must have a value greater than `start`");
  EXPECT_EQ(span(R"([{"label":"a","start":-1,"end":3}])"),
            "span question response value `start` must be 0 or more");
  EXPECT_EQ(span(R"([{"label":"q","start":0,"end":3}])"),
            "undefined label 'q' for span question.\nValid labels are: ['a', 'b', 'c']");
  EXPECT_EQ(span(R"([{"label":"a","start":5,"end":8},{"label":"b","start":0,"end":2},)"
                 R"({"label":"a","start":1,"end":4}])"),
            "overlapping values found between spans at index idx=1 and idx=2");
  EXPECT_EQ(span("1"), "span question expects a list of values, found <class 'int'>");
  OrderedJson value = json(R"([{"label":"a","start":0,"end":1}])");
  EXPECT_EQ(text_of(check_answer(*question_named(kSchema, "marks"), json(R"({"x":"y"})"), value)),
            "span question requires record to have field `text`");
}

TEST(Spans, MayOverlapWhereTheQuestionAllowsIt) {
  Question marks = *question_named(kSchema, "marks");
  marks.settings["allow_overlapping"] = true;
  OrderedJson value = json(R"([{"label":"a","start":0,"end":3},{"label":"b","start":1,"end":2}])");
  EXPECT_EQ(text_of(check_answer(marks, kFields, value)), "fits");
}

TEST(Responses, StatusDecidesWhatMayBeMissing) {
  EXPECT_EQ(response(ResponseStatus::kSubmitted, "null"),
            "missing response values for submitted response");
  EXPECT_EQ(response(ResponseStatus::kSubmitted, "{}"),
            "missing response values for submitted response");
  EXPECT_EQ(response(ResponseStatus::kSubmitted, R"({"note":{"value":"x"}})"),
            "missing response value for required question with name='rank'");
  EXPECT_EQ(response(ResponseStatus::kDraft, "null"), "{}");
  EXPECT_EQ(response(ResponseStatus::kDiscarded, "null"), "{}");
  EXPECT_EQ(response(ResponseStatus::kDiscarded, R"({"note":{"value":"x"}})"),
            R"({"note":{"value":"x"}})");
  EXPECT_EQ(response(ResponseStatus::kDraft, R"({"huh":{"value":"x"}})"),
            "found response value for non configured question with name='huh'");
  EXPECT_EQ(response(ResponseStatus::kDraft, R"({"note":"x"})"),
            "response value for question with name='note' must be an object with a value");
  EXPECT_EQ(response(ResponseStatus::kDraft, R"({"note":{"value":"x","more":1}})"),
            R"({"note":{"value":"x"}})");
}

TEST(Suggestions, ScoresGoWithTheirItems) {
  auto suggest = [](const std::string& name, const std::string& value_text,
                    const std::string& score_text) {
    OrderedJson value = json(value_text), score = json(score_text);
    Status status = check_suggestion(*question_named(kSchema, name), kFields, value, score);
    return status.ok() ? to_line(value) + " " + to_line(score) : status.error().message();
  };
  EXPECT_EQ(suggest("note", R"("x")", "0.5"), R"("x" 0.5)");
  EXPECT_EQ(suggest("note", R"("x")", "1.5"), "score must be between 0 and 1");
  EXPECT_EQ(suggest("tags", R"(["a","b"])", "[0.25,2]"), "score must be between 0 and 1");
  EXPECT_EQ(suggest("note", R"("x")", "[0.5]"),
            "a list of score values is not allowed for a suggestion with a single value");
  EXPECT_EQ(suggest("tags", R"(["a","b"])", "0.5"),
            "a single score value is not allowed for a suggestion with a multiple items value");
  EXPECT_EQ(suggest("tags", R"(["a","b"])", "[0.5]"),
            "number of items on value and score attributes doesn't match");
  EXPECT_EQ(suggest("rank", R"([{"value":"a","rank":2},{"value":"b","rank":1}])", "[0.2,0.8]"),
            R"([{"value":"b","rank":1},{"value":"a","rank":2}] [0.8,0.2])");
  EXPECT_EQ(suggest("rank", R"([{"value":"b"},{"value":"a"}])", "null"),
            R"([{"value":"b","rank":1},{"value":"a","rank":2}] null)");
}

}  // namespace
}  // namespace attune::domain
