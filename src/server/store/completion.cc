#include "server/store/completion.h"

#include <algorithm>
#include <map>

#include "server/domain/agreement.h"
#include "server/store/settings.h"
#include "server/store/statements.h"

namespace attune::store {
namespace {

// Turns round `completed` of the records of data set $1 that stand wrongly; $2 answers are enough.
std::string turn_round(const domain::Dataset& dataset) {
  return std::string(
             "UPDATE records SET completed = 1 - completed WHERE dataset = $1 AND completed <> "
             "CASE WHEN (SELECT COUNT(*) FROM responses WHERE responses.record = records.position "
             "AND responses.status ") +
         (dataset.discards_complete ? "IN ('submitted', 'discarded')" : "= 'submitted'") +
         ") >= $2 THEN 1 ELSE 0 END";
}

Result<std::vector<int64_t>> recompute_fixed(Connection& connection,
                                             const domain::Dataset& dataset,
                                             std::span<const Value> keys) {
  std::vector<int64_t> completed;
  for (const Row& row : TRY(run_in(connection, turn_round(dataset) + " AND position IN ", keys,
                                   " RETURNING position, completed",
                                   {dataset.position, dataset.min_submitted}))) {
    if (row.boolean(1)) completed.push_back(row.integer(0));
  }
  return completed;
}

struct Answers {
  int64_t counted = 0;
  std::vector<OrderedJson> submitted;
};

bool is_done(const domain::Dataset& dataset, const std::vector<domain::Question>& questions,
             const Answers& answers) {
  if (answers.counted < dataset.min_submitted) return false;
  if (answers.counted >= *dataset.overlap_max) return true;
  // Where nothing can be compared, nothing disagrees.
  return domain::record_agreement(questions, answers.submitted).value_or(1) >=
         dataset.agreement_min;
}

Result<std::vector<int64_t>> recompute_adaptive(Connection& connection,
                                                const domain::Dataset& dataset,
                                                std::span<const Value> keys) {
  const auto questions = TRY(list_settings<domain::Question>(connection, dataset.id));
  std::map<int64_t, Answers> all;
  for (const Value& key : keys) all[std::get<int64_t>(key)];
  for (const Row& row :
       TRY(run_in(connection,
                  "SELECT record, user_id, status, response_values FROM responses WHERE dataset = "
                  "$1 AND status <> 'draft' AND record IN ",
                  keys, "", {dataset.position}))) {
    Answers& answers = all[row.integer(0)];
    const bool submitted = row.text(2) == "submitted";
    if (submitted) answers.submitted.push_back(TRY(parse_ordered_json(row.text(3))));
    if (submitted || dataset.discards_complete) ++answers.counted;
  }
  std::vector<Value> done, open;
  for (const auto& [record, answers] : all) {
    (is_done(dataset, questions, answers) ? done : open).emplace_back(record);
  }
  TRY(run_in(connection,
             "UPDATE records SET completed = 0 WHERE dataset = $1 AND completed = 1 AND position "
             "IN ",
             open, "", {dataset.position}));
  std::vector<int64_t> completed;
  for (const Row& row :
       TRY(run_in(connection,
                  "UPDATE records SET completed = 1 WHERE dataset = $1 AND completed = 0 AND "
                  "position IN ",
                  done, " RETURNING position", {dataset.position}))) {
    completed.push_back(row.integer(0));
  }
  return completed;
}

// Records with answers, in portions: the others are pending, whatever the rule.
Status recompute_all_adaptive(Connection& connection, const domain::Dataset& dataset) {
  constexpr int64_t kPage = 1000;
  int64_t after = 0;
  while (true) {
    std::vector<int64_t> records;
    for (const Row& row : TRY(connection.run(
             "SELECT position FROM records WHERE dataset = $1 AND position > $2 AND EXISTS (SELECT "
             "1 FROM responses WHERE responses.record = records.position) ORDER BY position LIMIT "
             "$3",
             {dataset.position, after, kPage}))) {
      records.push_back(row.integer(0));
    }
    if (records.empty()) return {};
    TRY(recompute_adaptive(connection, dataset, as_values(records)));
    after = records.back();
  }
}

}  // namespace

Result<std::vector<int64_t>> recompute(Connection& connection, const domain::Dataset& dataset,
                                       std::span<const int64_t> records) {
  std::vector<int64_t> each(records.begin(), records.end());
  std::sort(each.begin(), each.end());
  each.erase(std::unique(each.begin(), each.end()), each.end());
  const std::vector<Value> keys = as_values(each);
  std::vector<int64_t> completed = TRY(dataset.overlap_max
                                           ? recompute_adaptive(connection, dataset, keys)
                                           : recompute_fixed(connection, dataset, keys));
  std::sort(completed.begin(), completed.end());
  return completed;
}

Status recompute_all(Connection& connection, const domain::Dataset& dataset) {
  if (dataset.overlap_max) {
    // What the answers that are there do not suffice for is pending, without a look at them.
    TRY(connection.run(turn_round(dataset) + " AND completed = 1",
                       {dataset.position, dataset.min_submitted}));
    return recompute_all_adaptive(connection, dataset);
  }
  TRY(connection.run(turn_round(dataset), {dataset.position, dataset.min_submitted}));
  return {};
}

}  // namespace attune::store
