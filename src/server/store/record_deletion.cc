#include "server/store/record_rows.h"
#include "server/store/records.h"
#include "server/store/statements.h"
#include "server/store/text_index.h"

namespace attune::store {
namespace {

// Tables whose rows name a record by its position.
constexpr const char* kSideTables[] = {"metadata_values", "suggestion_values", "suggestions",
                                       "answer_values",   "responses",         "record_vectors",
                                       "comments",        "leases",            "skips",
                                       "adjudications",   "gold_records"};

}  // namespace

Status delete_records(Connection& connection, const domain::Schema& schema,
                      std::span<const domain::Record> records) {
  std::vector<int64_t> positions;
  for (const domain::Record& record : records) positions.push_back(record.position);
  const std::vector<Value> keys = as_values(positions);
  TRY(unindex_texts(connection, schema.dataset.position, positions));
  for (const char* table : kSideTables) {
    TRY(run_in(connection, std::string("DELETE FROM ") + table + " WHERE record IN ", keys));
  }
  const Rows gone =
      TRY(run_in(connection, "DELETE FROM records WHERE position IN ", keys, " RETURNING id"));
  return change_record_count(connection, schema.dataset.position,
                             -static_cast<int64_t>(gone.size()));
}

Status delete_records_of(Connection& connection, int64_t dataset) {
  TRY(unindex_dataset(connection, dataset));
  for (const char* table : kSideTables) {
    TRY(connection.run(std::string("DELETE FROM ") + table +
                           " WHERE record IN (SELECT position FROM records WHERE dataset = $1)",
                       {dataset}));
  }
  TRY(connection.run("DELETE FROM records WHERE dataset = $1", {dataset}));
  TRY(connection.run("UPDATE datasets SET record_count = 0 WHERE position = $1", {dataset}));
  return {};
}

}  // namespace attune::store
