#include "server/store/record_history.h"

#include "server/domain/identity.h"
#include "server/store/statements.h"

namespace attune::store {

Status keep_versions(Connection& connection, int64_t dataset,
                     std::span<const domain::Record* const> records, const std::string& author_id) {
  std::vector<Value> rows;
  const std::string at = domain::now();
  for (const domain::Record* one : records) {
    rows.insert(rows.end(),
                {one->id, dataset, author_id, or_null(one->external_id), to_line(one->fields),
                 one->metadata.is_null() ? Value(nullptr) : Value(to_line(one->metadata)), at});
  }
  TRY(insert_rows(connection,
                  "INSERT INTO record_history (record_id, dataset, author_id, external_id, fields, "
                  "metadata, at)",
                  7, rows));
  return {};
}

Result<std::vector<RecordVersion>> versions_of_record(Connection& connection,
                                                      const std::string& record_id) {
  std::vector<RecordVersion> versions;
  for (const Row& row : TRY(connection.run(
           "SELECT number, author_id, external_id, fields, metadata, at FROM record_history "
           "WHERE record_id = $1 ORDER BY number",
           {record_id}))) {
    RecordVersion one;
    one.number = row.integer(0);
    one.author_id = row.text(1);
    one.external_id = row.text_or_null(2);
    one.fields = TRY(parse_ordered_json(row.text(3)));
    if (!row.is_null(4)) one.metadata = TRY(parse_ordered_json(row.text(4)));
    one.at = row.text(5);
    versions.push_back(std::move(one));
  }
  return versions;
}

Result<std::optional<std::string>> dataset_of_record(Connection& connection,
                                                     const std::string& record_id) {
  const Rows rows = TRY(connection.run(
      "SELECT d.id FROM datasets d WHERE d.position = COALESCE("
      "(SELECT r.dataset FROM records r WHERE r.id = $1), "
      "(SELECT max(h.dataset) FROM record_history h WHERE h.record_id = $1))",
      {record_id}));
  if (rows.empty()) return std::optional<std::string>();
  return std::optional(rows[0].text(0));
}

}  // namespace attune::store
