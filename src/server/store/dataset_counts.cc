#include "server/store/dataset_counts.h"

namespace attune::store {
namespace {

void add(AnswerCounts& counts, const std::string& status, int64_t count) {
  if (status == "submitted") counts.submitted += count;
  if (status == "discarded") counts.discarded += count;
  if (status == "draft") counts.draft += count;
}

}  // namespace

Result<RecordCounts> count_records_of(Connection& connection, const domain::Dataset& dataset) {
  RecordCounts counts;
  for (const Row& row : TRY(connection.run(
           "SELECT completed, COUNT(*) FROM records WHERE dataset = $1 GROUP BY completed",
           {dataset.position}))) {
    counts.total += row.integer(1);
    if (row.boolean(0)) counts.completed += row.integer(1);
  }
  return counts;
}

Result<AnswerCounts> answers_of_user(Connection& connection, const domain::Dataset& dataset,
                                     const std::string& user_id) {
  AnswerCounts counts;
  for (const Row& row : TRY(connection.run(
           "SELECT status, COUNT(*) FROM responses WHERE dataset = $1 AND user_id = $2 "
           "GROUP BY status",
           {dataset.position, user_id}))) {
    add(counts, row.text(0), row.integer(1));
  }
  return counts;
}

Result<std::vector<UserAnswers>> answers_by_user(Connection& connection,
                                                 const domain::Dataset& dataset) {
  std::vector<UserAnswers> all;
  for (const Row& row : TRY(connection.run(
           "SELECT COALESCE(users.username, responses.user_id) AS name, records.completed, "
           "responses.status, COUNT(*) FROM responses "
           "JOIN records ON records.position = responses.record "
           "LEFT JOIN users ON users.id = responses.user_id WHERE responses.dataset = $1 "
           "GROUP BY COALESCE(users.username, responses.user_id), records.completed, "
           "responses.status ORDER BY name",
           {dataset.position}))) {
    if (all.empty() || all.back().username != row.text(0)) {
      all.emplace_back().username = row.text(0);
    }
    UserAnswers& one = all.back();
    add(row.boolean(1) ? one.on_completed : one.on_pending, row.text(2), row.integer(3));
  }
  return all;
}

Result<bool> has_submitted_answers(Connection& connection, const domain::Dataset& dataset) {
  return !TRY(connection.run(
                  "SELECT 1 FROM responses WHERE dataset = $1 AND status = 'submitted' LIMIT 1",
                  {dataset.position}))
              .empty();
}

}  // namespace attune::store
