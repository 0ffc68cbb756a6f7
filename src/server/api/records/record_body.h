// Bodies about records, answers and suggestions: what a request asks to be changed. Mistakes of
// shape are noted at the reader; rules of the data set are checked later (record_check.h).
#pragma once

#include <string>
#include <vector>

#include "server/api/schema_check.h"
#include "server/domain/record_change.h"
#include "server/store/responses.h"

namespace attune::api {

inline constexpr size_t kRecordsPerBulk = 500;
inline constexpr size_t kRecordsPerOlderCall = 1000;  // POST and PATCH /datasets/{id}/records
inline constexpr size_t kResponsesPerBulk = 100;
inline constexpr size_t kIdsPerDeletion = 100;

enum class RecordVerb {
  kCreate,  // fields are required
  kUpsert,  // PUT: suggestions are replaced one by one
  kUpdate,  // PATCH: suggestions replace all that are there
};

// One record. An answer without a user_id is the caller's own.
domain::RecordChange read_record_change(SchemaReader& body, RecordVerb verb,
                                        const std::string& caller_id);
// {"items":[...]}: 1 to `most` records, of which no two have one external id or id.
Answer<std::vector<domain::RecordChange>> read_record_changes(const OrderedJson& body,
                                                              RecordVerb verb, size_t most,
                                                              const std::string& caller_id);

// {"values", "status"}; values that are missing or null are {}. Beyond the contract, both optional:
// "seconds_spent" and "shown_order" (the candidates in the order that they were shown, as
// domain/assignment.h has it).
domain::ResponseChange read_response(SchemaReader& body, std::string user_id);
// {"question_id", "value", "type"?, "agent"?, "score"?}; an "id" is not looked at: SDK 2 sends one
// id for many.
domain::SuggestionChange read_suggestion(SchemaReader& body);

// The ids of a text "a,b,c": 1 to kIdsPerDeletion UUIDs, else 422.
Answer<std::vector<std::string>> read_ids(const OrderedJson& query);

}  // namespace attune::api
