#include "server/store/response_history.h"

#include "server/domain/identity.h"
#include "server/domain/tombstone.h"
#include "server/store/record_values.h"
#include "server/store/statements.h"

namespace attune::store {
namespace {

constexpr const char* kSelect =
    "SELECT number, response_id, record_id, user_id, author_id, action, status, response_values, "
    "guideline_version, seconds_spent, shown_order, client, at FROM response_history ";

Result<std::vector<HistoryEntry>> entries_of(const Rows& rows) {
  std::vector<HistoryEntry> entries;
  for (const Row& row : rows) {
    HistoryEntry one;
    one.number = row.integer(0);
    one.response_id = row.text(1);
    one.record_id = row.text(2);
    one.user_id = row.text(3);
    one.author_id = row.text(4);
    one.action = row.text(5);
    const auto status = domain::response_status_of(row.text(6));
    CHECK(status.has_value(), "status {} in the history", row.text(6));
    one.status = *status;
    one.values = TRY(parse_ordered_json(row.text(7)));
    if (!row.is_null(8)) one.guideline_version = row.integer(8);
    if (!row.is_null(9)) one.seconds_spent = row.real(9);
    if (!row.is_null(10)) one.shown_order = TRY(parse_ordered_json(row.text(10)));
    one.client = row.text_or_null(11);
    one.at = row.text(12);
    entries.push_back(std::move(one));
  }
  return entries;
}

// The entries whose changes stand, as a stack.
std::vector<size_t> standing(std::span<const HistoryEntry> entries) {
  std::vector<size_t> stack;
  for (size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].action != "undone") {
      stack.push_back(i);
    } else if (!stack.empty()) {
      stack.pop_back();
    }
  }
  return stack;
}

HistoryState top_of(std::span<const HistoryEntry> entries, const std::vector<size_t>& stack) {
  HistoryState state{.entry = std::nullopt, .changes = stack.size()};
  if (!stack.empty() && entries[stack.back()].action != "deleted") state.entry = stack.back();
  return state;
}

// The state of an entry, on the record that it belongs to.
Result<PlacedResponse> place_of(Connection& connection, const HistoryEntry& entry) {
  const Rows rows =
      TRY(connection.run("SELECT position FROM records WHERE id = $1", {entry.record_id}));
  if (rows.empty()) {
    return conflict("record {} of this response was deleted; nothing can be taken back",
                    entry.record_id);
  }
  PlacedResponse placed;
  placed.record = rows[0].integer(0);
  const auto current = TRY(find_answer_of(connection, placed.record, entry.user_id));
  if (current && current->id != entry.response_id) {
    return conflict("the record was answered anew as response {}; take that back first",
                    current->id);
  }
  placed.response = {entry.response_id, entry.record_id, entry.user_id, entry.status,
                     entry.values,      entry.at,        domain::now()};
  return placed;
}

// Writes what stands after an undo into `responses` and its side table.
Status put_back(Connection& connection, const domain::Schema& schema,
                const PlacedResponse& placed) {
  const domain::Response& one = placed.response;
  TRY(connection.run(
      "INSERT INTO responses (id, record, dataset, user_id, status, response_values, inserted_at, "
      "updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (record, user_id) DO "
      "UPDATE SET status = excluded.status, response_values = excluded.response_values, "
      "updated_at = excluded.updated_at",
      {one.id, placed.record, schema.dataset.position, *one.user_id,
       std::string(to_string(one.status)), to_line(one.values), one.inserted_at, one.updated_at}));
  const AnswerOf values{placed.record, *one.user_id, &one.values};
  return write_answer_values(connection, schema, std::span(&values, 1), false);
}

Status take_away(Connection& connection, const PlacedResponse& placed) {
  TRY(connection.run("DELETE FROM answer_values WHERE record = $1 AND user_id = $2",
                     {placed.record, *placed.response.user_id}));
  TRY(connection.run("DELETE FROM responses WHERE id = $1", {placed.response.id}));
  return {};
}

}  // namespace

Result<HistoryWriter> HistoryWriter::of(Connection& connection, int64_t dataset,
                                        const Authorship& authorship) {
  const Rows rows = TRY(connection.run(
      "SELECT COALESCE(max(version), 0) FROM guideline_versions WHERE dataset = $1", {dataset}));
  return HistoryWriter(dataset, authorship, rows.at(0).integer(0));
}

void HistoryWriter::add_row(std::string_view action, const domain::Response& response,
                            const AnswerOrigin& origin, Value guideline_version, Value client) {
  const bool shown = !origin.shown_order.is_null();
  rows_.insert(rows_.end(),
               {response.id, response.record_id, dataset_, response.user_id.value_or(""),
                authorship_.author_id, std::string(action),
                std::string(to_string(response.status)), to_line(response.values),
                std::move(guideline_version), or_null(origin.seconds_spent),
                shown ? Value(to_line(origin.shown_order)) : Value(nullptr), std::move(client),
                response.updated_at});
}

void HistoryWriter::add(std::string_view action, const domain::Response& response,
                        const AnswerOrigin& origin) {
  const std::string& client = authorship_.client;
  add_row(action, response, origin, guideline_version_,
          client.empty() ? Value(nullptr) : Value(client));
}

void HistoryWriter::add_undone(const domain::Response& response, const HistoryEntry& restored) {
  add_row("undone", response, {restored.seconds_spent, restored.shown_order},
          or_null(restored.guideline_version), or_null(restored.client));
}

Status HistoryWriter::write(Connection& connection) {
  TRY(insert_rows(connection,
                  "INSERT INTO response_history (response_id, record_id, dataset, user_id, "
                  "author_id, action, status, response_values, guideline_version, seconds_spent, "
                  "shown_order, client, at)",
                  13, rows_));
  rows_.clear();
  return {};
}

Result<std::map<std::string, AnswerOrigin>> origins_of(Connection& connection,
                                                       std::span<const Value> response_ids) {
  std::map<std::string, AnswerOrigin> origins;
  for (const Row& row : TRY(run_in(
           connection,
           "SELECT response_id, seconds_spent, shown_order FROM response_history WHERE number IN "
           "(SELECT max(number) FROM response_history WHERE response_id IN ",
           response_ids, " GROUP BY response_id)"))) {
    AnswerOrigin& origin = origins[row.text(0)];
    if (!row.is_null(1)) origin.seconds_spent = row.real(1);
    if (!row.is_null(2)) origin.shown_order = TRY(parse_ordered_json(row.text(2)));
  }
  return origins;
}

HistoryState state_after(std::span<const HistoryEntry> entries) {
  return top_of(entries, standing(entries));
}

HistoryState state_before_last(std::span<const HistoryEntry> entries) {
  std::vector<size_t> stack = standing(entries);
  if (!stack.empty()) stack.pop_back();
  return top_of(entries, stack);
}

Result<std::vector<HistoryEntry>> history_of_record(Connection& connection,
                                                    const std::string& record_id) {
  return entries_of(TRY(connection.run(
      fmt::format("{}WHERE record_id = $1 ORDER BY number", kSelect), {record_id})));
}

Result<std::vector<HistoryEntry>> history_of_response(Connection& connection,
                                                      const std::string& response_id) {
  return entries_of(TRY(connection.run(
      fmt::format("{}WHERE response_id = $1 ORDER BY number", kSelect), {response_id})));
}

Result<std::optional<HistoryPlace>> find_history(Connection& connection,
                                                 const std::string& response_id) {
  const Rows rows = TRY(connection.run(
      "SELECT h.record_id, d.id, h.user_id FROM response_history h JOIN datasets d "
      "ON d.position = h.dataset WHERE h.response_id = $1 ORDER BY h.number DESC LIMIT 1",
      {response_id}));
  if (rows.empty()) return std::optional<HistoryPlace>();
  return std::optional(HistoryPlace{rows[0].text(0), rows[0].text(1), rows[0].text(2)});
}

Result<std::optional<domain::Response>> undo_answer(Connection& connection,
                                                    const domain::Schema& schema,
                                                    const std::string& response_id,
                                                    const Authorship& authorship) {
  const std::vector<HistoryEntry> entries = TRY(history_of_response(connection, response_id));
  if (entries.empty()) return not_found("Response with id `{}` not found", response_id);
  if (state_after(entries).changes == 0) {
    return conflict("every change of response `{}` was taken back already", response_id);
  }
  const HistoryState before = state_before_last(entries);
  if (before.entry && domain::is_tombstone(entries[*before.entry].values)) {
    return conflict("what response `{}` was before its last change was forgotten and cannot come "
                    "back; write the answer anew, or delete it",
                    response_id);
  }
  PlacedResponse placed =
      TRY(place_of(connection, before.entry ? entries[*before.entry] : entries.back()));
  placed.response.inserted_at = entries.front().at;
  HistoryWriter history = TRY(HistoryWriter::of(connection, schema.dataset.position, authorship));
  if (before.entry) {
    history.add_undone(placed.response, entries[*before.entry]);
  } else {
    history.add("undone", placed.response);
  }
  TRY(history.write(connection));
  if (!before.entry) {
    TRY(take_away(connection, placed));
    return std::optional<domain::Response>();
  }
  TRY(put_back(connection, schema, placed));
  return std::optional(std::move(placed.response));
}

}  // namespace attune::store
