#include "server/api/records/record_json.h"

#include <charconv>

#include "server/api/or_null.h"

namespace attune::api {
namespace {

template <typename T>
OrderedJson list_of(const std::vector<T>& all) {
  OrderedJson list = OrderedJson::array();
  for (const T& one : all) list.push_back(to_json(one));
  return list;
}

// A float in as few digits as read back to the same float: 0.1, not 0.10000000149011612.
double shortest(float component) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, component).ptr;
  double number = component;
  std::from_chars(text, end, number);
  return number;
}

OrderedJson vectors_of(const domain::Record& record) {
  OrderedJson vectors = OrderedJson::object();
  for (const auto& [name, components] : record.vectors) {
    OrderedJson numbers = OrderedJson::array();
    for (const float component : components) numbers.push_back(shortest(component));
    vectors[name] = std::move(numbers);
  }
  return vectors;
}

}  // namespace

// Key by key: a list in braces would copy all of it once more.
OrderedJson to_json(const domain::Response& response) {
  OrderedJson json = OrderedJson::object();
  json["id"] = response.id;
  json["values"] = response.values;
  json["status"] = to_string(response.status);
  json["record_id"] = response.record_id;
  json["user_id"] = or_null(response.user_id);
  json["inserted_at"] = response.inserted_at;
  json["updated_at"] = response.updated_at;
  return json;
}

OrderedJson to_json(const domain::Suggestion& suggestion) {
  return {{"question_id", suggestion.question_id},
          {"type", or_null(suggestion.type)},
          {"value", suggestion.value},
          {"agent", or_null(suggestion.agent)},
          {"score", suggestion.score},
          {"id", suggestion.id},
          {"inserted_at", suggestion.inserted_at},
          {"updated_at", suggestion.updated_at}};
}

OrderedJson to_json(const domain::Record& record, const store::RecordParts& parts) {
  OrderedJson json = {{"id", record.id},
                      {"status", record.completed ? "completed" : "pending"},
                      {"fields", record.fields},
                      {"metadata", record.metadata},
                      {"external_id", or_null(record.external_id)}};
  if (parts.responses) json["responses"] = list_of(record.responses);
  if (parts.suggestions) json["suggestions"] = list_of(record.suggestions);
  if (parts.vectors) json["vectors"] = vectors_of(record);
  json["dataset_id"] = record.dataset_id;
  json["inserted_at"] = record.inserted_at;
  json["updated_at"] = record.updated_at;
  return json;
}

}  // namespace attune::api
