#include "server/store/responses.h"

#include <map>

#include "server/domain/identity.h"
#include "server/store/record_values.h"
#include "server/store/response_history.h"
#include "server/store/statements.h"

namespace attune::store {
namespace {

constexpr const char* kColumns =
    "r.record, r.id, r.user_id, r.status, r.response_values, r.inserted_at, r.updated_at, ";

Result<domain::Response> response_in(const Row& row, std::string record_id) {
  const auto status = domain::response_status_of(row.text(3));
  CHECK(status.has_value(), "status {} of a response", row.text(3));
  return domain::Response{row.text(1),
                          std::move(record_id),
                          row.text(2),
                          *status,
                          TRY(parse_ordered_json(row.text(4))),
                          row.text(5),
                          row.text(6)};
}

using AnswerKey = std::pair<int64_t, std::string>;  // record, user
// Of the answer that is there, what its successor keeps.
struct Kept {
  std::string id, inserted_at;
};
using KeptAnswers = std::map<AnswerKey, Kept>;

Result<KeptAnswers> current_answers(Connection& connection, std::span<const Answering> answers) {
  std::vector<Value> records;
  for (const Answering& one : answers) records.emplace_back(one.record);
  KeptAnswers current;
  for (const Row& row : TRY(run_in(connection,
                                   "SELECT record, user_id, id, inserted_at FROM responses WHERE "
                                   "record IN ",
                                   records))) {
    current.emplace(AnswerKey(row.integer(0), row.text(1)), Kept{row.text(2), row.text(3)});
  }
  return current;
}

Status write_rows(Connection& connection, const domain::Schema& schema,
                  std::span<const Answering> answers,
                  std::span<const domain::Response> responses) {
  std::vector<Value> rows;
  for (size_t i = 0; i < answers.size(); ++i) {
    const domain::Response& one = responses[i];
    rows.insert(rows.end(), {one.id, answers[i].record, schema.dataset.position, *one.user_id,
                             std::string(to_string(one.status)), to_line(one.values),
                             one.inserted_at, one.updated_at});
  }
  TRY(insert_rows(connection,
                  "INSERT INTO responses (id, record, dataset, user_id, status, response_values, "
                  "inserted_at, updated_at)",
                  8, rows,
                  "ON CONFLICT (record, user_id) DO UPDATE SET status = excluded.status, "
                  "response_values = excluded.response_values, updated_at = excluded.updated_at"));
  return {};
}

// How these answers came about, as far as their changes do not say: by response id.
Result<std::map<std::string, AnswerOrigin>> earlier_origins(Connection& connection,
                                                            std::span<const Answering> answers,
                                                            const KeptAnswers& current) {
  std::vector<Value> ids;
  for (const Answering& one : answers) {
    if (one.change.seconds_spent && !one.change.shown_order.is_null()) continue;
    const auto before = current.find({one.record, one.change.user_id});
    if (before != current.end()) ids.emplace_back(before->second.id);
  }
  return origins_of(connection, ids);
}

// An answer that is edited later, elsewhere or by somebody else, was still given in that time and
// with the candidates in that order.
AnswerOrigin origin_of(const domain::ResponseChange& change, const AnswerOrigin& earlier) {
  return {change.seconds_spent ? change.seconds_spent : earlier.seconds_spent,
          change.shown_order.is_null() ? earlier.shown_order : change.shown_order};
}

// Writes them, over what is there.
Result<std::vector<domain::Response>> write_over(Connection& connection,
                                                 const domain::Schema& schema,
                                                 std::span<const Answering> answers,
                                                 const KeptAnswers& current,
                                                 HistoryWriter history) {
  std::vector<domain::Response> written;
  std::vector<AnswerOf> values;
  auto origins = TRY(earlier_origins(connection, answers, current));
  bool fresh = true;
  written.reserve(answers.size());  // values point into it
  for (const Answering& one : answers) {
    const std::string at = domain::now();
    const auto before = current.find({one.record, one.change.user_id});
    const bool is_new = before == current.end();
    written.push_back({is_new ? domain::new_id() : before->second.id, one.record_id,
                       one.change.user_id, one.change.status,
                       one.change.values,
                       is_new ? at : before->second.inserted_at, at});
    history.add(is_new ? "created" : "updated", written.back(),
                origin_of(one.change, origins[written.back().id]));
    values.push_back({one.record, one.change.user_id, &written.back().values});
    fresh = fresh && is_new;
  }
  TRY(write_rows(connection, schema, answers, written));
  TRY(write_answer_values(connection, schema, values, fresh));
  TRY(history.write(connection));
  return written;
}

}  // namespace

Result<std::vector<ResponseOf>> responses_of(Connection& connection,
                                             std::span<const int64_t> records,
                                             const std::optional<std::string>& user_id) {
  const std::string select = std::string("SELECT ") + kColumns +
                             "p.id FROM responses r JOIN records p ON p.position = r.record WHERE ";
  const std::vector<Value> keys = as_values(records);
  constexpr const char* kOrder = " ORDER BY r.record, r.inserted_at, r.id";
  const Rows rows =
      user_id ? TRY(run_in(connection, select + "r.user_id = $1 AND r.record IN ", keys, kOrder,
                           {*user_id}))
              : TRY(run_in(connection, select + "r.record IN ", keys, kOrder));
  std::vector<ResponseOf> found;
  for (const Row& row : rows) {
    found.push_back({row.integer(0), TRY(response_in(row, row.text(7)))});
  }
  return found;
}

Result<std::vector<domain::Response>> write_answers(Connection& connection,
                                                    const domain::Schema& schema,
                                                    std::span<const Answering> answers,
                                                    const Authorship& authorship) {
  if (answers.empty()) return std::vector<domain::Response>();
  const auto current = TRY(current_answers(connection, answers));
  HistoryWriter history = TRY(HistoryWriter::of(connection, schema.dataset.position, authorship));
  return write_over(connection, schema, answers, current, std::move(history));
}

Result<std::optional<AnswerPlace>> find_answer_place(Connection& connection,
                                                     const std::string& record_id,
                                                     const std::string& user_id) {
  const Rows rows = TRY(connection.run(
      "SELECT p.position, d.id, d.last_activity_at, r.id, r.inserted_at, l.shown_order "
      "FROM records p JOIN datasets d ON d.position = p.dataset "
      "LEFT JOIN responses r ON r.record = p.position AND r.user_id = $2 "
      "LEFT JOIN leases l ON l.record = p.position AND l.user_id = $2 WHERE p.id = $1",
      {record_id, user_id}));
  if (rows.empty()) return std::optional<AnswerPlace>();
  const Row& row = rows[0];
  AnswerPlace place{row.integer(0),       row.text(1), row.text(2), row.text_or_null(3),
                    row.text_or_null(4), nullptr};
  if (!row.is_null(5)) place.shown_order = TRY(parse_ordered_json(row.text(5)));
  return std::optional(std::move(place));
}

Result<domain::Response> write_answer(Connection& connection, const domain::Schema& schema,
                                      const Answering& answering, const AnswerPlace& place,
                                      const Authorship& authorship, int64_t guideline_version) {
  KeptAnswers current;
  if (place.response_id) {
    current[{place.record, answering.change.user_id}] = {*place.response_id, *place.inserted_at};
  }
  HistoryWriter history(schema.dataset.position, authorship, guideline_version);
  auto written = TRY(write_over(connection, schema, std::span(&answering, 1), current,
                                std::move(history)));
  return std::move(written.at(0));
}

Result<std::optional<PlacedResponse>> find_response(Connection& connection,
                                                    const std::string& id) {
  const Rows rows = TRY(connection.run(
      std::string("SELECT ") + kColumns +
          "p.id, d.id FROM responses r JOIN records p ON p.position = r.record "
          "JOIN datasets d ON d.position = r.dataset WHERE r.id = $1",
      {id}));
  if (rows.empty()) return std::optional<PlacedResponse>();
  return std::optional(PlacedResponse{TRY(response_in(rows[0], rows[0].text(7))),
                                      rows[0].integer(0), rows[0].text(8)});
}

Result<std::optional<domain::Response>> find_answer_of(Connection& connection, int64_t record,
                                                       const std::string& user_id) {
  auto found = TRY(responses_of(connection, std::span(&record, 1), user_id));
  if (found.empty()) return std::optional<domain::Response>();
  return std::optional(std::move(found[0].response));
}

Status delete_answer(Connection& connection, const domain::Schema& schema,
                     const PlacedResponse& placed, const Authorship& authorship) {
  HistoryWriter history = TRY(HistoryWriter::of(connection, schema.dataset.position, authorship));
  domain::Response last = placed.response;
  last.updated_at = domain::now();
  history.add("deleted", last);
  TRY(history.write(connection));
  TRY(connection.run("DELETE FROM answer_values WHERE record = $1 AND user_id = $2",
                     {placed.record, *placed.response.user_id}));
  TRY(connection.run("DELETE FROM responses WHERE id = $1", {placed.response.id}));
  return {};
}

}  // namespace attune::store
