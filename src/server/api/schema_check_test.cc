#include "server/api/schema_check.h"

#include <gtest/gtest.h>

#include "server/api/schema_words.h"

namespace attune::api {
namespace {

OrderedJson parsed(const std::string& text) {
  return parse_ordered_json(text).value();
}

// The mistakes of a body as the contract lists them, "" for none: "type loc msg" each on a line.
template <typename F>
std::string mistakes(const std::string& text, F&& read) {
  const OrderedJson json = parsed(text);
  SchemaReader body(json, "body");
  read(body);
  const Answer<void> done = body.done();
  if (done.ok()) return "";
  EXPECT_EQ(done.error().status, 422);
  const OrderedJson& params = done.error().body["detail"];
  EXPECT_EQ(params["code"], "argilla.api.errors::ValidationError");
  std::string lines;
  for (const OrderedJson& error : params["params"]["errors"]) {
    if (!lines.empty()) lines += "\n";
    lines += error["type"].get<std::string>() + " " + error["loc"].dump() + " " +
             error["msg"].get<std::string>();
  }
  return lines;
}

// The messages below are those recorded from the contract's server.
TEST(SchemaCheck, ReportsRequiredTextsAsTheContract) {
  const auto read = [](SchemaReader& body) { body.text("name", {.min = 1, .max = 5}); };
  EXPECT_EQ(mistakes(R"({})", read), R"(missing ["body","name"] Field required)");
  EXPECT_EQ(mistakes(R"({"name":""})", read),
            R"(string_too_short ["body","name"] String should have at least 1 character)");
  EXPECT_EQ(mistakes(R"({"name":"äöüäöü"})", read),
            R"(string_too_long ["body","name"] String should have at most 5 characters)");
  EXPECT_EQ(mistakes(R"({"name":null})", read),
            R"(string_type ["body","name"] Input should be a valid string)");
  EXPECT_EQ(mistakes(R"({"name":"äöüäö","other":1})", read), "");
  EXPECT_EQ(mistakes(R"([1])", read),
            R"(model_attributes_type ["body"] Input should be a valid dictionary or object to )"
            "extract fields from");
}

TEST(SchemaCheck, RefusesTheCharacterThatDataBasesCannotHold) {
  EXPECT_EQ(mistakes(R"({"name":"a\u0000b"})", [](SchemaReader& body) { body.text("name"); }),
            R"(value_error ["body","name"] Value error, a text cannot hold the character U+0000)");
}

TEST(SchemaCheck, TakesNumbersFromTextsAndChecksTheirBounds) {
  const auto read = [](SchemaReader& body) {
    EXPECT_EQ(body.integer("n", {.ge = 1, .le = 10}), 7);
  };
  for (const char* seven : {R"({"n":7})", R"({"n":7.0})", R"({"n":"7"})", R"({"n":" +7 "})"}) {
    EXPECT_EQ(mistakes(seven, read), "") << seven;
  }
  const auto bad = [](SchemaReader& body) { body.integer("n", {.ge = 1, .le = 10}); };
  EXPECT_EQ(mistakes(R"({"n":"x"})", bad),
            R"(int_parsing ["body","n"] Input should be a valid integer, unable to parse string )"
            "as an integer");
  EXPECT_EQ(mistakes(R"({"n":1.5})", bad),
            R"(int_from_float ["body","n"] Input should be a valid integer, got a number with a )"
            "fractional part");
  EXPECT_EQ(mistakes(R"({"n":0})", bad),
            R"(greater_than_equal ["body","n"] Input should be greater than or equal to 1)");
  EXPECT_EQ(mistakes(R"({"n":11})", bad),
            R"(less_than_equal ["body","n"] Input should be less than or equal to 10)");
  EXPECT_EQ(mistakes(R"({"n":[]})", bad),
            R"(int_type ["body","n"] Input should be a valid integer)");
  EXPECT_EQ(mistakes(R"({"n":18446744073709551615})", bad),
            R"(int_type ["body","n"] Input should be a valid integer)");
  EXPECT_EQ(mistakes(R"({"n":0})", [](SchemaReader& body) { body.integer("n", {.gt = 0}); }),
            R"(greater_than ["body","n"] Input should be greater than 0)");
}

TEST(SchemaCheck, TakesBooleansAsTheContract) {
  for (const char* yes : {R"({"b":true})", R"({"b":1})", R"({"b":"Yes"})"}) {
    EXPECT_EQ(mistakes(yes, [](SchemaReader& body) { EXPECT_TRUE(body.boolean("b")); }), "");
  }
  EXPECT_EQ(mistakes(R"({"b":2})", [](SchemaReader& body) { body.boolean("b"); }),
            R"(bool_parsing ["body","b"] Input should be a valid boolean, unable to interpret )"
            "input");
}

TEST(SchemaCheck, SaysWhyATextIsNoId) {
  const auto at = [](const char* text) { return why_no_id(text); };
  EXPECT_EQ(at("abc"),
            "Input should be a valid UUID, invalid length: expected length 32 for simple format, "
            "found 3");
  EXPECT_EQ(at("None"),
            "Input should be a valid UUID, invalid character: expected an optional prefix of "
            "`urn:uuid:` followed by [0-9a-fA-F-], found `N` at 1");
  EXPECT_EQ(at("a-b"), "Input should be a valid UUID, invalid group count: expected 5, found 2");
  EXPECT_EQ(at("c62bb048-1664-4905-9243-f1137ea5606"),
            "Input should be a valid UUID, invalid group length in group 4: expected 12, found 11");
  EXPECT_NE(at("aé").find("found `é` at 2"), std::string::npos);
  EXPECT_EQ(mistakes(R"({"id":"abc"})", [](SchemaReader& body) { body.id("id"); }),
            R"(uuid_parsing ["body","id"] )" + at("abc"));
}

TEST(SchemaCheck, PlacesMistakesOfTaggedUnionsBelowTheTag) {
  const auto read = [](SchemaReader& body) {
    SchemaReader settings = body.tagged("settings", "type", {"text", "rating"}, "QuestionType");
    if (settings.tag() == "rating") {
      for (SchemaReader& option : settings.objects("options", {.min = 2, .max = 11})) {
        option.integer("value", {.ge = 0, .le = 10});
      }
    }
  };
  EXPECT_EQ(mistakes(R"({"settings":{"type":"rating","options":[{"value":"x"},{"value":11}]}})",
                     read),
            R"(int_parsing ["body","settings","rating","options",0,"value"] Input should be a )"
            "valid integer, unable to parse string as an integer\n"
            R"(less_than_equal ["body","settings","rating","options",1,"value"] Input should be )"
            "less than or equal to 10");
  EXPECT_EQ(mistakes(R"({"settings":{"type":"rating","options":[{"value":1}]}})", read),
            R"(too_short ["body","settings","rating","options"] List should have at least 2 )"
            "items after validation, not 1");
  EXPECT_EQ(mistakes(R"({"settings":{"type":"sound"}})", read),
            R"(union_tag_invalid ["body","settings"] Input tag 'sound' found using 'type' does )"
            "not match any of the expected tags: <QuestionType.text: 'text'>, "
            "<QuestionType.rating: 'rating'>");
  EXPECT_EQ(mistakes(R"({"settings":{}})", read),
            R"(union_tag_not_found ["body","settings"] Unable to extract tag using )"
            "discriminator 'type'");
  EXPECT_EQ(mistakes(R"({})", read), R"(missing ["body","settings"] Field required)");
}

TEST(SchemaCheck, NotesRulesBetweenMembersOnlyWhereTheMembersAreRight) {
  const auto read = [](SchemaReader& body) {
    SchemaReader range = body.object("range");
    const double low = range.number("ge"), high = range.number("le");
    if (low > high) range.value_error("'ge' must have a value less than or equal to 'le'");
  };
  EXPECT_EQ(mistakes(R"({"range":{"ge":3,"le":1}})", read),
            R"(value_error ["body","range"] Value error, 'ge' must have a value less than or )"
            "equal to 'le'");
  EXPECT_EQ(mistakes(R"({"range":{"ge":3,"le":[]}})", read),
            R"(float_type ["body","range","le"] Input should be a valid number)");
  EXPECT_EQ(mistakes(R"({"name":null,"title":"t"})",
                     [](SchemaReader& body) { body.not_null({"name", "title", "settings"}); }),
            R"(value_error ["body"] Value error, The following keys must have non-null values: )"
            "name");
}

TEST(SchemaCheck, AMissingPartIsNotedOnce) {
  const auto read = [](SchemaReader& body) {
    SchemaReader part = body.object("part");
    part.text("name");
    part.integer("n");
  };
  EXPECT_EQ(mistakes(R"({})", read), R"(missing ["body","part"] Field required)");
  EXPECT_EQ(mistakes(R"({"part":null})", read),
            R"(model_attributes_type ["body","part"] Input should be a valid dictionary or )"
            "object to extract fields from");
}

TEST(SchemaCheck, RefusesUnknownKeysWhereAskedTo) {
  const auto read = [](SchemaReader& body) {
    body.text("name");
    body.given("limit");
    body.no_others();
  };
  EXPECT_EQ(mistakes(R"({"name":"a","limit":1})", read), "");
  EXPECT_EQ(mistakes(R"({"name":"a","limti":1})", read),
            R"(extra_forbidden ["body","limti"] Extra inputs are not permitted)");
}

TEST(SchemaCheck, ListsOfChoicesAndIds) {
  const auto read = [](SchemaReader& body) { body.choices("e", {"a", "b", "c"}, {.min = 1}); };
  EXPECT_EQ(mistakes(R"({"e":["a","x"]})", read),
            R"(enum ["body","e",1] Input should be 'a', 'b' or 'c')");
  EXPECT_EQ(mistakes(R"({"e":[]})", read),
            R"(too_short ["body","e"] List should have at least 1 item after validation, not 0)");
  EXPECT_EQ(mistakes(R"({"e":"a"})", read),
            R"(list_type ["body","e"] Input should be a valid list)");
}

TEST(SchemaCheck, ReadsAQuery) {
  http::Query query;
  query.add("limit", "5");
  query.add("include", "responses");
  query.add("include", "vectors:a,b");
  query.add("limit", "1001");
  const OrderedJson json = query_json(query, {"include"});
  SchemaReader reader(json, "query");
  EXPECT_EQ(reader.texts("include"), (std::vector<std::string>{"responses", "vectors:a,b"}));
  EXPECT_EQ(reader.integer_or("offset", 0, {.ge = 0}), 0);
  reader.integer_or("limit", 50, {.ge = 1, .le = 1000});
  ASSERT_FALSE(reader.done().ok());
  EXPECT_EQ(to_line(reader.done().error().body["detail"]["params"]["errors"]),
            R"([{"type":"less_than_equal","loc":["query","limit"],"msg":"Input should be less )"
            R"(than or equal to 1000"}])");
}

}  // namespace
}  // namespace attune::api
