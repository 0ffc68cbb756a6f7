#include "server/domain/evolution.h"

#include <gtest/gtest.h>

#include "server/domain/schema_fixture.h"
#include "server/domain/values.h"

namespace attune::domain {
namespace {

std::string text_of(const Status& status) {
  return status.ok() ? "fits" : status.error().message();
}

TEST(Evolution, AFieldOfAPublishedDatasetIsOptional) {
  Schema schema = schema_of_everything();
  EXPECT_EQ(text_of(check_added_field(schema, field("new", false, R"({"type":"text"})"))), "fits");
  EXPECT_EQ(text_of(check_added_field(schema, field("new", true, R"({"type":"text"})"))),
            "a field that is added to a published dataset cannot be required: its records lack it");
  EXPECT_EQ(check_added_field(schema, field("text", false, R"({"type":"text"})")).error().code(),
            ErrorCode::kConflict);
  schema.dataset.published = false;
  EXPECT_EQ(text_of(check_added_field(schema, field("new", true, R"({"type":"text"})"))), "fits");
}

TEST(Evolution, AQuestionMayBeAdded) {
  const Schema schema = schema_of_everything();
  EXPECT_EQ(text_of(check_added_question(schema, question("new", true, R"({"type":"text"})"))),
            "fits");
  EXPECT_EQ(check_added_question(schema, question("note", true, R"({"type":"text"})"))
                .error()
                .code(),
            ErrorCode::kConflict);
  EXPECT_EQ(text_of(check_added_question(
                schema, question("new", true, R"({"type":"span","field":"nope"})"))),
            "'nope' is not a valid field name.\nValid field names are ['text', 'talk', 'picture', "
            "'widget']");
}

std::string with(const char* name, const std::string& option, std::optional<int64_t> at = {}) {
  const Schema schema = schema_of_everything();
  auto settings = settings_with_option(*question_named(schema, name), json(option), at);
  return settings.ok() ? to_line(settings.value()["options"]) : settings.error().message();
}

TEST(Evolution, AnOptionGoesWhereItIsWanted) {
  EXPECT_EQ(with("stars", R"({"value":3})"), R"([{"value":1},{"value":2},{"value":3}])");
  EXPECT_EQ(with("stars", R"({"value":0})", 0), R"([{"value":0},{"value":1},{"value":2}])");
  EXPECT_EQ(with("stars", R"({"value":3})", 99), R"([{"value":1},{"value":2},{"value":3}])");
  EXPECT_EQ(with("kind", R"({"value":"a","text":"again"})"),
            "Option 'a' already exists for question with id `question-kind`");
  EXPECT_EQ(with("note", R"({"value":"a"})"), "a question of type 'text' has no options");
}

TEST(Evolution, OptionsStayBelowTheLimitOfTheirKind) {
  Question rank = *question_named(schema_of_everything(), "rank");
  for (int i = 3; i < 50; ++i) {
    rank.settings = settings_with_option(rank, {{"value", std::to_string(i)}}, {}).value();
  }
  EXPECT_EQ(settings_with_option(rank, {{"value", "51"}}, {}).error().message(),
            "a question of type 'ranking' has at most 50 options");
}

}  // namespace
}  // namespace attune::domain
