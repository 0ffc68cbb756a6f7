#include "server/store/completion.h"

#include <algorithm>

#include "server/store/statements.h"

namespace attune::store {
namespace {

// UPDATE of the records with `$1 dataset, $2 min_submitted` that stand wrongly at `from`.
std::string update_from(bool from, const domain::Dataset& dataset) {
  std::string counted =
      dataset.discards_complete ? "IN ('submitted', 'discarded')" : "= 'submitted'";
  return std::string("UPDATE records SET completed = ") + (from ? "0" : "1") +
         " WHERE dataset = $1 AND completed = " + (from ? "1" : "0") +
         " AND (SELECT COUNT(*) FROM responses WHERE responses.record = records.position AND "
         "responses.status " +
         counted + ") " + (from ? "<" : ">=") + " $2";
}

}  // namespace

Result<std::vector<int64_t>> recompute(Connection& connection, const domain::Dataset& dataset,
                                       std::span<const int64_t> records) {
  const std::vector<Value> keys = as_values(records);
  TRY(run_in(connection, update_from(true, dataset) + " AND position IN ", keys, "",
             {dataset.position, dataset.min_submitted}));
  std::vector<int64_t> completed;
  for (const Row& row : TRY(run_in(connection, update_from(false, dataset) + " AND position IN ",
                                   keys, " RETURNING position",
                                   {dataset.position, dataset.min_submitted}))) {
    completed.push_back(row.integer(0));
  }
  std::sort(completed.begin(), completed.end());
  return completed;
}

Status recompute_all(Connection& connection, const domain::Dataset& dataset) {
  for (bool from : {true, false}) {
    TRY(connection.run(update_from(from, dataset), {dataset.position, dataset.min_submitted}));
  }
  return {};
}

}  // namespace attune::store
