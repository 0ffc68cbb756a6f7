// What a request asks to be changed of a record, as parsed and before it is checked against the
// data set. A member that is not set leaves what is there.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "server/domain/record.h"

namespace attune::domain {

struct SuggestionChange {
  std::string question_id;
  OrderedJson value = nullptr;
  std::optional<std::string> type = {}, agent = {};
  OrderedJson score = nullptr;
};

struct ResponseChange {
  std::string user_id;
  ResponseStatus status = ResponseStatus::kDraft;
  OrderedJson values = OrderedJson::object();
  std::optional<double> seconds_spent = {};  // as the client measured them
  OrderedJson shown_order = nullptr;         // null, or the candidates in the order they were shown
};

struct RecordChange {
  std::optional<std::string> id;           // of the record that is meant
  std::optional<std::string> external_id;  // else the one that carries this
  std::optional<OrderedJson> fields;
  std::optional<OrderedJson> metadata;  // null takes away what is there
  std::optional<std::vector<SuggestionChange>> suggestions;
  // All suggestions that are there go first (PATCH); else they are replaced one by one (PUT).
  bool replaces_suggestions = false;
  std::vector<ResponseChange> responses;
  OrderedJson vectors;  // null, or numbers by the vector's name; others stay
};

}  // namespace attune::domain
