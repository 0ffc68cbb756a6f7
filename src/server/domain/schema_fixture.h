// A data set with every kind of field, question, metadata property and vector, for tests.
#pragma once

#include <string>

#include "server/domain/dataset.h"

namespace attune::domain {

inline OrderedJson json(const std::string& text) {
  return OrderedJson::parse(text);
}

inline Field field(std::string name, bool required, const std::string& settings) {
  Field made;
  made.id = "field-" + name;
  made.name = made.title = std::move(name);
  made.required = required;
  made.settings = json(settings);
  return made;
}

inline Question question(std::string name, bool required, const std::string& settings) {
  Question made;
  made.id = "question-" + name;
  made.name = made.title = std::move(name);
  made.required = required;
  made.settings = json(settings);
  return made;
}

inline MetadataProperty property(std::string name, const std::string& settings) {
  MetadataProperty made;
  made.id = "property-" + name;
  made.name = made.title = std::move(name);
  made.settings = json(settings);
  return made;
}

inline Schema schema_of_everything() {
  std::string ab = R"("options":[{"value":"a","text":"A","description":null},)"
                   R"({"value":"b","text":"B","description":null},)"
                   R"({"value":"c","text":"C","description":null}])";
  Schema schema;
  schema.dataset.id = "the-dataset";
  schema.dataset.published = true;
  schema.fields = {field("text", true, R"({"type":"text","use_markdown":false})"),
                   field("talk", false, R"({"type":"chat","use_markdown":true})"),
                   field("picture", false, R"({"type":"image"})"),
                   field("widget", false, R"({"type":"custom","template":"x"})")};
  schema.questions = {
      question("note", false, R"({"type":"text","use_markdown":false})"),
      question("rank", true, R"({"type":"ranking",)" + ab + "}"),
      question("stars", false, R"({"type":"rating","options":[{"value":1},{"value":2}]})"),
      question("kind", false, R"({"type":"label_selection","visible_options":null,)" + ab + "}"),
      question("tags", false, R"({"type":"multi_label_selection","visible_options":null,)" + ab +
                                  R"(,"options_order":"natural"})"),
      question("marks", false, R"({"type":"span","field":"text","visible_options":null,)" + ab +
                                   R"(,"allow_overlapping":false})")};
  schema.metadata_properties = {
      property("lang", R"({"type":"terms","values":["en","de"]})"),
      property("any", R"({"type":"terms","values":null})"),
      property("flag", R"({"type":"terms","values":[true,false]})"),
      property("count", R"({"type":"integer","min":0,"max":10})"),
      property("score", R"({"type":"float","min":0.0,"max":1.0})")};
  VectorSettings vector;
  vector.name = "v";
  vector.dimensions = 2;
  schema.vectors = {vector};
  return schema;
}

}  // namespace attune::domain
