// Answers of people: the current one of each (record, person), and the history of all there ever
// were. A change of an answer writes both, its side table and the record's completion, in the
// caller's transaction.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "server/domain/dataset.h"
#include "server/domain/record.h"
#include "server/domain/record_change.h"
#include "server/store/database.h"

namespace attune::store {

// Who writes; kept with each row of the history.
struct Authorship {
  std::string author_id;  // may write for another person
  std::string client = {};  // what they write with, "" when it did not say
};

// One answer to write: whose, and on which record.
struct Answering {
  int64_t record = 0;  // its position
  std::string record_id;
  domain::ResponseChange change;
};

// One row of the history: what the answer was once this had happened.
struct HistoryEntry {
  int64_t number = 0;
  std::string response_id, record_id, user_id, author_id;
  std::string action;  // "created", "updated", "deleted", "undone"
  domain::ResponseStatus status = domain::ResponseStatus::kDraft;
  OrderedJson values;
  std::optional<int64_t> guideline_version;
  std::optional<double> seconds_spent;
  OrderedJson shown_order;
  std::optional<std::string> client;
  std::string at;
};

// Creates or replaces the answers of these people, each (record, person) once in the list, their
// values checked (domain/values.h). Gives them in order, as they stand now. An answer that is
// changed without seconds or shown order keeps those that it has. Completion of the
// records is left to the caller, who may have more to change (store/completion.h).
Result<std::vector<domain::Response>> write_answers(Connection& connection,
                                                    const domain::Schema& schema,
                                                    std::span<const Answering> answers,
                                                    const Authorship& authorship);

// Where a person's answer to a record goes: what one statement tells of both.
struct AnswerPlace {
  int64_t record = 0;  // its position
  std::string dataset_id, last_activity_at;  // of its data set
  // The answer that is there, if there is one.
  std::optional<std::string> response_id, inserted_at;
  // In which order the candidates were shown, to who took the record by a lease; null otherwise.
  OrderedJson shown_order;
};
Result<std::optional<AnswerPlace>> find_answer_place(Connection& connection,
                                                     const std::string& record_id,
                                                     const std::string& user_id);
// As write_answers, for one whose place was found in the same write; `guideline_version` is the
// current one, 0 for none.
Result<domain::Response> write_answer(Connection& connection, const domain::Schema& schema,
                                      const Answering& answering, const AnswerPlace& place,
                                      const Authorship& authorship, int64_t guideline_version);

// An answer and where it belongs.
struct PlacedResponse {
  domain::Response response;
  int64_t record = 0;
  std::string dataset_id;
};
Result<std::optional<PlacedResponse>> find_response(Connection& connection, const std::string& id);
Result<std::optional<domain::Response>> find_answer_of(Connection& connection, int64_t record,
                                                       const std::string& user_id);

// Takes the current answer away; the history keeps it.
Status delete_answer(Connection& connection, const domain::Schema& schema,
                     const PlacedResponse& placed, const Authorship& authorship);

// Of a record, or of one answer: oldest first.
Result<std::vector<HistoryEntry>> history_of_record(Connection& connection,
                                                    const std::string& record_id);
Result<std::vector<HistoryEntry>> history_of_response(Connection& connection,
                                                      const std::string& response_id);

// Where an answer is or was, from its history: the last record id and data set id.
struct HistoryPlace {
  std::string record_id, dataset_id, user_id;
};
Result<std::optional<HistoryPlace>> find_history(Connection& connection,
                                                 const std::string& response_id);

// Takes back the last change of an answer that was not taken back yet, so that calling it again
// goes back further. Gives the answer as it is now, nothing when it does not exist any more.
// Errors: kNotFound for an answer that never was; kConflict when nothing is left to take back, or
// the person has answered anew since, or what the answer was before was forgotten. The history says
// of what came back how it came about at first, and who took the change back.
Result<std::optional<domain::Response>> undo_answer(Connection& connection,
                                                    const domain::Schema& schema,
                                                    const std::string& response_id,
                                                    const Authorship& authorship);

// The answers of these records in the order of writing; `user_id` keeps those of one person.
struct ResponseOf {
  int64_t record = 0;
  domain::Response response;
};
Result<std::vector<ResponseOf>> responses_of(Connection& connection,
                                             std::span<const int64_t> records,
                                             const std::optional<std::string>& user_id);

}  // namespace attune::store
