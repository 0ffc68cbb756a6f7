#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "server/store/record_rows.h"
#include "server/store/records.h"
#include "server/store/statements.h"
#include "server/store/suggestions.h"
#include "server/store/vector_bytes.h"

namespace attune::store {
namespace {

using ByPosition = std::unordered_map<int64_t, domain::Record*>;

Status add_responses(Connection& connection, std::span<const int64_t> positions,
                     const RecordParts& parts, ByPosition& records) {
  for (ResponseOf& one : TRY(responses_of(connection, positions, parts.responses_of))) {
    const auto record = records.find(one.record);
    if (record != records.end()) record->second->responses.push_back(std::move(one.response));
  }
  return {};
}

Status add_suggestions(Connection& connection, std::span<const int64_t> positions,
                       ByPosition& records) {
  for (SuggestionOn& one : TRY(suggestions_of(connection, positions))) {
    const auto record = records.find(one.record);
    if (record == records.end()) continue;
    record->second->suggestions.push_back(std::move(one.suggestion));
  }
  return {};
}

Status add_vectors(Connection& connection, const domain::Schema& schema,
                   std::span<const int64_t> positions, const RecordParts& parts,
                   ByPosition& records) {
  const std::vector<Value> keys = as_values(positions);
  for (const domain::VectorSettings& vector : schema.vectors) {
    const auto& wanted = parts.vector_names;
    if (!wanted.empty() &&
        std::find(wanted.begin(), wanted.end(), vector.name) == wanted.end()) {
      continue;
    }
    for (const Row& row : TRY(run_in(connection,
                                     "SELECT record, components FROM record_vectors "
                                     "WHERE vector = $1 AND record IN ",
                                     keys, "", {vector.position}))) {
      const auto record = records.find(row.integer(0));
      if (record == records.end()) continue;
      record->second->vectors[vector.name] = components_of(row.bytes(1));
    }
  }
  return {};
}

Result<std::vector<int64_t>> page_positions(Connection& connection, int64_t dataset,
                                            int64_t offset, int64_t limit) {
  std::vector<int64_t> positions;
  for (const Row& row : TRY(connection.run("SELECT position FROM records WHERE dataset = $1 "
                                           "ORDER BY position LIMIT $2 OFFSET $3",
                                           {dataset, limit, offset}))) {
    positions.push_back(row.integer(0));
  }
  return positions;
}

}  // namespace

Result<std::vector<domain::Record>> records_at(Connection& connection,
                                               const domain::Schema& schema,
                                               std::span<const int64_t> positions,
                                               const RecordParts& parts) {
  std::unordered_map<int64_t, domain::Record> found;
  for (const Row& row :
       TRY(run_in(connection, std::string("SELECT ") + kRecordColumns +
                                  " FROM records WHERE dataset = $1 AND position IN ",
                  as_values(positions), "", {schema.dataset.position}))) {
    found.insert_or_assign(row.integer(0), TRY(record_in(row, schema.dataset.id)));
  }
  std::vector<domain::Record> records;
  records.reserve(found.size());
  ByPosition by_position;
  for (const int64_t position : positions) {
    const auto one = found.find(position);
    if (one == found.end() || by_position.contains(position)) continue;
    records.push_back(std::move(one->second));
    by_position[position] = &records.back();
  }
  if (parts.responses) TRY(add_responses(connection, positions, parts, by_position));
  if (parts.suggestions) TRY(add_suggestions(connection, positions, by_position));
  if (parts.vectors) TRY(add_vectors(connection, schema, positions, parts, by_position));
  return records;
}

Result<std::vector<domain::Record>> list_records(Connection& connection,
                                                 const domain::Schema& schema, int64_t offset,
                                                 int64_t limit, const RecordParts& parts) {
  const std::vector<int64_t> positions =
      TRY(page_positions(connection, schema.dataset.position, offset, limit));
  return records_at(connection, schema, positions, parts);
}

Result<std::vector<domain::Record>> records_with_ids(Connection& connection,
                                                     const domain::Schema& schema,
                                                     std::span<const std::string> ids) {
  std::vector<domain::Record> records;
  for (const Row& row : TRY(run_in(connection,
                                   std::string("SELECT ") + kRecordColumns +
                                       " FROM records WHERE dataset = $1 AND id IN ",
                                   as_values(ids), " ORDER BY position",
                                   {schema.dataset.position}))) {
    records.push_back(TRY(record_in(row, schema.dataset.id)));
  }
  return records;
}

Result<int64_t> count_records(Connection& connection, const domain::Schema& schema) {
  const Rows rows = TRY(connection.run("SELECT record_count FROM datasets WHERE position = $1",
                                       {schema.dataset.position}));
  return rows.empty() ? 0 : rows[0].integer(0);
}

Result<std::optional<RecordPlace>> find_record(Connection& connection, const std::string& id) {
  const Rows rows = TRY(connection.run(
      "SELECT r.position, d.id FROM records r JOIN datasets d ON d.position = r.dataset "
      "WHERE r.id = $1",
      {id}));
  if (rows.empty()) return std::optional<RecordPlace>();
  return std::optional(RecordPlace{rows[0].integer(0), rows[0].text(1)});
}

}  // namespace attune::store
