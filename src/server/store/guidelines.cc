#include "server/store/guidelines.h"

#include "server/domain/identity.h"

namespace attune::store {
namespace {

GuidelineVersion version_of(const Row& row) {
  return {.version = row.integer(0),
          .text = row.text(1),
          .author_id = row.text_or_null(2),
          .at = row.text(3)};
}

}  // namespace

Result<int64_t> add_guideline_version(Connection& connection, const domain::Dataset& dataset,
                                      const std::string& author_id) {
  Rows rows = TRY(connection.run(
      "INSERT INTO guideline_versions (dataset, version, text, author_id, at) "
      "SELECT $1, COALESCE(MAX(version), 0) + 1, $2, $3, $4 FROM guideline_versions "
      "WHERE dataset = $1 RETURNING version",
      {dataset.position, dataset.guidelines.value_or(""), author_id, domain::now()}));
  return rows.at(0).integer(0);
}

Result<std::vector<GuidelineVersion>> list_guideline_versions(Connection& connection,
                                                              const domain::Dataset& dataset) {
  std::vector<GuidelineVersion> all;
  for (const Row& row : TRY(connection.run(
           "SELECT version, text, author_id, at FROM guideline_versions WHERE dataset = $1 "
           "ORDER BY version",
           {dataset.position}))) {
    all.push_back(version_of(row));
  }
  return all;
}

Result<std::optional<GuidelineVersion>> find_guideline_version(Connection& connection,
                                                               const domain::Dataset& dataset,
                                                               int64_t version) {
  Rows rows = TRY(connection.run(
      "SELECT version, text, author_id, at FROM guideline_versions WHERE dataset = $1 AND "
      "version = $2",
      {dataset.position, version}));
  if (rows.empty()) return std::optional<GuidelineVersion>();
  return std::optional(version_of(rows[0]));
}

Result<int64_t> current_guideline_version(Connection& connection, const domain::Dataset& dataset) {
  Rows rows = TRY(connection.run(
      "SELECT COALESCE(MAX(version), 0) FROM guideline_versions WHERE dataset = $1",
      {dataset.position}));
  return rows.at(0).integer(0);
}

Result<std::map<int64_t, int64_t>> answers_by_guideline_version(Connection& connection,
                                                                const domain::Dataset& dataset) {
  std::map<int64_t, int64_t> answers;
  for (const Row& row : TRY(connection.run(
           "SELECT COALESCE(guideline_version, 0), COUNT(*) FROM response_history "
           "WHERE dataset = $1 AND action <> 'deleted' GROUP BY COALESCE(guideline_version, 0)",
           {dataset.position}))) {
    answers[row.integer(0)] = row.integer(1);
  }
  return answers;
}

}  // namespace attune::store
