#include "server/store/record_rows.h"

namespace attune::store {

Result<domain::Record> record_in(const Row& row, const std::string& dataset_id) {
  domain::Record record;
  record.position = row.integer(0);
  record.id = row.text(1);
  record.dataset_id = dataset_id;
  record.external_id = row.text_or_null(2);
  record.fields = TRY(parse_ordered_json(row.text(3)));
  if (!row.is_null(4)) record.metadata = TRY(parse_ordered_json(row.text(4)));
  record.completed = row.boolean(5);
  record.inserted_at = row.text(6);
  record.updated_at = row.text(7);
  return record;
}

Status change_record_count(Connection& connection, int64_t dataset, int64_t by) {
  if (by == 0) return {};
  TRY(connection.run("UPDATE datasets SET record_count = record_count + $2 WHERE position = $1",
                     {dataset, by}));
  return {};
}

}  // namespace attune::store
