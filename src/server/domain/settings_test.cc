#include "server/domain/settings.h"

#include <gtest/gtest.h>

#include "server/domain/schema_fixture.h"

namespace attune::domain {
namespace {

std::string text_of(const Status& status) {
  return status.ok() ? "fits" : status.error().message();
}

Schema draft() {
  Schema schema = schema_of_everything();
  schema.dataset.published = false;
  return schema;
}

Question span_of(const std::string& field) {
  return question("more", false, R"({"type":"span","field":")" + field + R"(","options":[]})");
}

std::string change(const char* name, const std::string& settings) {
  const Schema schema = draft();
  Result<OrderedJson> changed =
      changed_question_settings(*question_named(schema, name), json(settings));
  return changed.ok() ? to_line(changed.value()) : changed.error().message();
}

TEST(Settings, NamesAreTakenOnce) {
  const Schema schema = draft();
  Status field_twice = check_new_field(schema, field("text", true, R"({"type":"text"})"));
  EXPECT_EQ(text_of(field_twice),
            "Field with name `text` already exists for dataset with id `the-dataset`");
  EXPECT_EQ(field_twice.error().code(), ErrorCode::kConflict);
  EXPECT_EQ(text_of(check_new_question(schema, question("note", true, R"({"type":"text"})"))),
            "Question with name `note` already exists for dataset with id `the-dataset`");
  EXPECT_EQ(text_of(check_new_metadata_property(schema, property("lang", R"({"type":"terms"})"))),
            "Metadata property with name `lang` already exists for dataset with id `the-dataset`");
  VectorSettings vector;
  vector.name = "v";
  EXPECT_EQ(text_of(check_new_vector(schema, vector)),
            "Vector settings with name `v` already exists for dataset with id `the-dataset`");
}

TEST(Settings, AtMostFiveVectors) {
  Schema schema = draft();
  VectorSettings vector;
  vector.name = "w";
  EXPECT_EQ(text_of(check_new_vector(schema, vector)), "fits");
  schema.vectors.resize(5);
  EXPECT_EQ(text_of(check_new_vector(schema, vector)),
            "The maximum number of vector settings has been reached for dataset with id "
            "`the-dataset`");
}

TEST(Settings, APublishedDatasetKeepsFieldsAndQuestions) {
  const Schema schema = schema_of_everything();
  EXPECT_EQ(text_of(check_new_field(schema, field("new", true, R"({"type":"text"})"))),
            "Field cannot be created for a published dataset");
  EXPECT_EQ(text_of(check_new_question(schema, question("new", true, R"({"type":"text"})"))),
            "questions cannot be created for a published dataset");
  EXPECT_EQ(text_of(check_field_deletion(schema, schema.fields[0])),
            "Fields cannot be deleted for a published dataset");
  EXPECT_EQ(text_of(check_question_deletion(schema)),
            "questions cannot be deleted for a published dataset");
  EXPECT_EQ(text_of(check_new_metadata_property(schema, property("new", R"({"type":"terms"})"))),
            "fits");
}

TEST(Settings, SpansMarkOneTextFieldEach) {
  Schema schema = draft();
  EXPECT_EQ(text_of(check_new_question(schema, span_of("nope"))),
            "'nope' is not a valid field name.\nValid field names are ['text', 'talk', 'picture', "
            "'widget']");
  EXPECT_EQ(text_of(check_new_question(schema, span_of("picture"))),
            "'picture' is a field of type 'image': spans are marked in text fields");
  EXPECT_EQ(text_of(check_new_question(schema, span_of("text"))),
            "'text' is already used by span question with id 'question-marks'");
  EXPECT_EQ(text_of(check_field_deletion(schema, schema.fields[0])),
            "'text' is used by span question with id 'question-marks': delete that question first");
  EXPECT_EQ(text_of(check_field_deletion(schema, schema.fields[1])), "fits");
  schema.questions.pop_back();
  EXPECT_EQ(text_of(check_new_question(schema, span_of("text"))), "fits");
}

TEST(Settings, PublishedWithAFieldAndARequiredQuestion) {
  Schema schema = draft();
  EXPECT_EQ(text_of(check_publishable(schema)), "fits");
  EXPECT_EQ(text_of(check_publishable(schema_of_everything())),
            "Dataset has already been published");
  for (Question& one : schema.questions) one.required = false;
  EXPECT_EQ(text_of(check_publishable(schema)),
            "Dataset cannot be published without required questions");
  schema.fields.clear();
  EXPECT_EQ(text_of(check_publishable(schema)), "Dataset cannot be published without fields");
}

TEST(Settings, AFieldKeepsItsType) {
  const Schema schema = draft();
  EXPECT_EQ(changed_field_settings(schema.fields[0], json(R"({"type":"chat"})")).error().message(),
            "Field type cannot be changed. Expected 'text' but got 'chat'");
  EXPECT_EQ(to_line(*changed_field_settings(schema.fields[0],
                                            json(R"({"type":"text","use_markdown":true})"))),
            R"({"type":"text","use_markdown":true})");
}

TEST(Settings, OptionsMayMoveAndBeRenamedNotReplaced) {
  EXPECT_EQ(change("kind", R"({"type":"text"})"),
            "question type cannot be changed. expected 'label_selection' but got 'text'");
  EXPECT_EQ(change("kind", R"({"type":"label_selection","options":[{"value":"a"}]})"),
            "the number of options cannot be modified. expected 3 but got 1");
  EXPECT_EQ(change("kind", R"({"type":"label_selection","options":[{"value":"c"},{"value":"z"},)"
                           R"({"value":"a"}]})"),
            "the option values cannot be modified. found unexpected option values: ['c', 'z']");
  EXPECT_EQ(change("kind", R"({"type":"label_selection","visible_options":4})"),
            "the value for 'visible_options' must be less or equal to the number of items in "
            "'options' (3)");
  EXPECT_EQ(change("kind", R"({"type":"label_selection","options":[{"value":"c","text":"X"},)"
                           R"({"value":"b","text":"B"},{"value":"a","text":"A"}],)"
                           R"("visible_options":3})"),
            R"({"type":"label_selection","visible_options":3,"options":[{"value":"c","text":"X"},)"
            R"({"value":"b","text":"B"},{"value":"a","text":"A"}]})");
}

TEST(Settings, WhatAChangeDoesNotNameStays) {
  std::string tags = change("tags", R"({"type":"multi_label_selection","options":null})");
  EXPECT_EQ(tags, to_line(question_named(draft(), "tags")->settings));
  EXPECT_NE(change("tags", R"({"type":"multi_label_selection","options_order":"suggestion"})"),
            tags);
  // Those of a ranking are no matter of a change.
  EXPECT_EQ(change("rank", R"({"type":"ranking","options":[]})"),
            to_line(question_named(draft(), "rank")->settings));
}

TEST(Settings, OverlapsCannotBeForbiddenAgain) {
  Question marks = *question_named(draft(), "marks");
  marks.settings["allow_overlapping"] = true;
  EXPECT_EQ(changed_question_settings(marks, json(R"({"type":"span","allow_overlapping":false})"))
                .error()
                .message(),
            "'allow_overlapping' can't be disabled because responses may become inconsistent");
  EXPECT_TRUE(changed_question_settings(marks, json(R"({"type":"span"})")).ok());
}

}  // namespace
}  // namespace attune::domain
