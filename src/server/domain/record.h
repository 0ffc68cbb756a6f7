// A record and what people and models said about it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"

namespace attune::domain {

enum class ResponseStatus { kDraft, kSubmitted, kDiscarded };
std::string_view to_string(ResponseStatus status);
std::optional<ResponseStatus> response_status_of(std::string_view name);

// The current answer of one person; earlier ones stay in the history (store/responses.h).
struct Response {
  std::string id, record_id;
  std::optional<std::string> user_id;  // none when the person was deleted
  ResponseStatus status = ResponseStatus::kDraft;
  OrderedJson values;  // {"question":{"value":...}}, {} when none
  std::string inserted_at, updated_at;
};

// One for each (record, question).
struct Suggestion {
  std::string id, record_id, question_id;
  OrderedJson value;
  std::optional<std::string> type, agent;  // type: "model" or "human"
  OrderedJson score;                       // null, a number or numbers, each 0 to 1
  std::string inserted_at, updated_at;
};

struct Record {
  std::string id, dataset_id;
  std::optional<std::string> external_id;
  OrderedJson fields;    // an object
  OrderedJson metadata;  // null or an object
  bool completed = false;  // status "completed", else "pending"
  std::string inserted_at, updated_at;
  int64_t position = 0;  // order of insertion within the data base

  // Filled in when asked for.
  std::vector<Response> responses;
  std::vector<Suggestion> suggestions;
  std::map<std::string, std::vector<float>> vectors;  // by the vector's name
};

}  // namespace attune::domain
