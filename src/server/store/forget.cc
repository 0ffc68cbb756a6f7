#include "server/store/forget.h"

#include <algorithm>
#include <set>

#include "server/domain/tombstone.h"
#include "server/store/records.h"
#include "server/store/snapshots.h"
#include "server/store/statements.h"
#include "server/store/text_index.h"

namespace attune::store {
namespace {

// Replaces a column of JSON by tombstones in the rows that the condition picks, one by one, since
// each has a hash of its own. `key` is a column that names a row.
Result<int64_t> bury(Connection& connection, const std::string& table, const std::string& key,
                     const std::string& column, const std::string& more, const Rows& rows) {
  for (const Row& row : rows) {
    if (domain::is_tombstone(TRY(parse_ordered_json(row.text(1))))) continue;
    TRY(connection.run("UPDATE " + table + " SET " + column + " = $2" + more + " WHERE " + key +
                           " = $1",
                       {row.integer(0), to_line(domain::tombstone_of(row.text(1)))}));
  }
  return static_cast<int64_t>(rows.size());
}

// Every field as it may be shown: texts say that they were forgotten, all else is empty.
OrderedJson forgotten_fields(const domain::Schema& schema, const OrderedJson& fields) {
  OrderedJson kept = OrderedJson::object();
  for (const auto& [name, value] : fields.items()) {
    const domain::Field* field = domain::field_named(schema, name);
    const bool is_text = field != nullptr && domain::type_of(field->settings) == "text";
    if (is_text && value.is_string()) kept[name] = kForgottenText;
  }
  return kept;
}

Status forget_content(Connection& connection, const domain::Schema& schema,
                      std::span<const domain::Record> records) {
  std::vector<OrderedJson> fields;
  fields.reserve(records.size());
  std::vector<TextToIndex> texts;
  for (const domain::Record& record : records) {
    fields.push_back(forgotten_fields(schema, record.fields));
    texts.push_back({record.position, &fields.back()});
    TRY(connection.run("UPDATE records SET fields = $2, metadata = NULL, external_id = NULL "
                       "WHERE position = $1",
                       {record.position, to_line(fields.back())}));
  }
  return index_texts(connection, schema, texts);
}

// Errors: kNotFound for an id that neither the records nor their history nor a snapshot has.
Status check_known(Connection& connection, const domain::Schema& schema,
                   std::span<const domain::Record> records, std::span<const Value> ids) {
  std::set<std::string> known;
  for (const domain::Record& record : records) known.insert(record.id);
  for (const char* kept :
       {"response_history WHERE dataset = $1", "record_history WHERE dataset = $1",
        "snapshot_rows WHERE snapshot IN (SELECT position FROM snapshots WHERE dataset = $1)"}) {
    const std::string select =
        std::string("SELECT DISTINCT record_id FROM ") + kept + " AND record_id IN ";
    for (const Row& row : TRY(run_in(connection, select, ids, "", {schema.dataset.position}))) {
      known.insert(row.text(0));
    }
  }
  for (const Value& id : ids) {
    const auto& text = std::get<std::string>(id);
    if (!known.contains(text)) {
      return not_found("data set {} has no record {}", schema.dataset.name, text);
    }
  }
  return {};
}

Status check_known_person(Connection& connection, const std::string& user_id) {
  for (const char* place : {"users WHERE id", "response_history WHERE user_id",
                            "responses WHERE user_id", "comments WHERE user_id",
                            "adjudications WHERE user_id", "gold_records WHERE user_id",
                            "skips WHERE user_id"}) {
    const std::string select = std::string("SELECT 1 FROM ") + place + " = $1 LIMIT 1";
    if (!TRY(connection.run(select, {user_id})).empty()) return {};
  }
  if (TRY(decided_in_snapshots(connection, user_id))) return {};
  return not_found("there is nobody with the id {} and nothing that they said", user_id);
}

// Messages to webhooks hold records and answers whole. One that is on its way now cannot be called
// back.
Status drop_deliveries_about(Connection& connection, std::span<const Value> ids) {
  std::vector<Value> about;
  const auto look = [&](const Row& row) -> Status {
    const std::string body = row.text(1);
    const bool holds = std::any_of(ids.begin(), ids.end(), [&](const Value& id) {
      return body.find(std::get<std::string>(id)) != std::string::npos;
    });
    if (holds) about.emplace_back(row.integer(0));
    return {};
  };
  TRY(connection.each("SELECT number, body FROM webhook_deliveries WHERE state = 'waiting'", {},
                      look));
  TRY(run_in(connection, "DELETE FROM webhook_deliveries WHERE number IN ", about));
  return {};
}

}  // namespace

OrderedJson to_json(const ForgottenCounts& counts) {
  return {{"records", counts.records},
          {"answers", counts.answers},
          {"history_rows", counts.history_rows},
          {"comments", counts.comments},
          {"snapshot_rows", counts.snapshot_rows}};
}

Result<ForgottenCounts> forget_records(Connection& connection, const domain::Schema& schema,
                                       const std::vector<std::string>& record_ids) {
  const auto records = TRY(records_with_ids(connection, schema, record_ids));
  const std::vector<Value> ids = as_values(record_ids);
  TRY(check_known(connection, schema, records, ids));
  std::vector<Value> positions;
  for (const domain::Record& record : records) positions.emplace_back(record.position);
  ForgottenCounts counts;
  counts.records = static_cast<int64_t>(records.size());
  TRY(forget_content(connection, schema, records));
  for (const char* table : {"metadata_values", "suggestion_values", "suggestions", "answer_values",
                            "record_vectors", "adjudications", "gold_records", "skips"}) {
    TRY(run_in(connection, std::string("DELETE FROM ") + table + " WHERE record IN ", positions));
  }
  counts.answers = static_cast<int64_t>(
      TRY(run_in(connection, "UPDATE responses SET response_values = '{}' WHERE record IN ",
                 positions, " RETURNING id"))
          .size());
  counts.comments = static_cast<int64_t>(
      TRY(run_in(connection, "UPDATE comments SET text = $1 WHERE record IN ", positions,
                 " RETURNING id", {std::string(kForgottenText)}))
          .size());
  const Rows answers = TRY(run_in(
      connection, "SELECT number, response_values FROM response_history WHERE record_id IN ", ids));
  counts.history_rows = TRY(bury(connection, "response_history", "number", "response_values",
                                 ", shown_order = NULL", answers));
  const Rows versions = TRY(
      run_in(connection, "SELECT number, fields FROM record_history WHERE record_id IN ", ids));
  counts.history_rows += TRY(bury(connection, "record_history", "number", "fields",
                                  ", metadata = NULL, external_id = NULL", versions));
  counts.snapshot_rows = TRY(forget_in_snapshots(connection, ids));
  TRY(drop_deliveries_about(connection, ids));
  return counts;
}

Result<ForgottenCounts> forget_person(Connection& connection, const std::string& user_id) {
  TRY(check_known_person(connection, user_id));
  ForgottenCounts counts;
  for (const char* table : {"answer_values", "adjudications", "gold_records", "skips"}) {
    TRY(connection.run(std::string("DELETE FROM ") + table + " WHERE user_id = $1", {user_id}));
  }
  counts.answers = static_cast<int64_t>(
      TRY(connection.run("UPDATE responses SET response_values = '{}' WHERE user_id = $1 "
                         "RETURNING id",
                         {user_id}))
          .size());
  counts.comments = static_cast<int64_t>(
      TRY(connection.run("UPDATE comments SET text = $2 WHERE user_id = $1 RETURNING id",
                         {user_id, std::string(kForgottenText)}))
          .size());
  counts.snapshot_rows = TRY(forget_person_in_snapshots(connection, user_id));
  const Rows answers = TRY(connection.run(
      "SELECT number, response_values FROM response_history WHERE user_id = $1", {user_id}));
  counts.history_rows = TRY(bury(connection, "response_history", "number", "response_values",
                                 ", client = NULL", answers));
  const Value id = user_id;
  TRY(drop_deliveries_about(connection, std::span(&id, 1)));
  return counts;
}

}  // namespace attune::store
