#include "server/store/projects.h"

#include "server/domain/identity.h"
#include "server/store/datasets.h"

namespace attune::store {
namespace {

const std::string kColumns =
    "position, id, name, workspace_id, description, inserted_at, updated_at";

domain::Project project_of(const Row& row) {
  domain::Project project;
  project.position = row.integer(0);
  project.id = row.text(1);
  project.name = row.text(2);
  project.workspace_id = row.text(3);
  project.description = row.text_or_null(4);
  project.inserted_at = row.text(5);
  project.updated_at = row.text(6);
  return project;
}

GuidelineVersion version_of(const Row& row) {
  return {row.integer(0), row.text(1), row.text_or_null(2), row.text(3)};
}

}  // namespace

Result<std::optional<domain::Project>> find_project(Connection& connection, const std::string& id) {
  Rows rows = TRY(connection.run("SELECT " + kColumns + " FROM projects WHERE id = $1", {id}));
  if (rows.empty()) return std::optional<domain::Project>();
  return std::optional(project_of(rows[0]));
}

Result<std::vector<domain::Project>> list_projects(Connection& connection,
                                                   const ProjectFilter& filter) {
  std::string sql = "SELECT " + kColumns + " FROM projects";
  std::vector<Value> values;
  auto where = [&](const std::string& before, const std::string& value, const std::string& after) {
    sql += (values.empty() ? " WHERE " : " AND ") + before;
    values.emplace_back(value);
    sql += "$" + std::to_string(values.size()) + after;
  };
  if (filter.workspace_id) where("workspace_id = ", *filter.workspace_id, "");
  if (filter.name) where("name = ", *filter.name, "");
  if (filter.member_id) {
    where("workspace_id IN (SELECT workspace_id FROM workspace_users WHERE user_id = ",
          *filter.member_id, ")");
  }
  std::vector<domain::Project> projects;
  for (const Row& row : TRY(connection.run(sql + " ORDER BY position", values))) {
    projects.push_back(project_of(row));
  }
  return projects;
}

Status insert_project(Connection& connection, domain::Project& project) {
  Rows rows = TRY(connection.run(
      "INSERT INTO projects (id, name, workspace_id, description, inserted_at, updated_at) "
      "VALUES ($1, $2, $3, $4, $5, $6) RETURNING position",
      {project.id, project.name, project.workspace_id, or_null(project.description),
       project.inserted_at, project.updated_at}));
  project.position = rows.at(0).integer(0);
  return {};
}

Status update_project(Connection& connection, const domain::Project& project) {
  TRY(connection.run(
      "UPDATE projects SET name = $2, description = $3, updated_at = $4 WHERE position = $1",
      {project.position, project.name, or_null(project.description), project.updated_at}));
  return {};
}

Status delete_project(Connection& connection, const domain::Project& project) {
  TRY(connection.run("DELETE FROM projects WHERE position = $1", {project.position}));
  return {};
}

Result<std::vector<ProjectDataset>> datasets_of_project(Connection& connection,
                                                        const domain::Project& project) {
  std::vector<ProjectDataset> all;
  for (const Row& row : TRY(connection.run(
           "SELECT datasets.id, project_datasets.purpose FROM project_datasets JOIN datasets ON "
           "datasets.position = project_datasets.dataset WHERE project_datasets.project = $1 "
           "ORDER BY project_datasets.inserted_at, datasets.position",
           {project.position}))) {
    auto dataset = TRY(find_dataset(connection, row.text(0)));
    CHECK(dataset.has_value(), "a data set of a join is gone");
    auto purpose = domain::purpose_of(row.text(1));
    all.push_back({std::move(*dataset), purpose.value_or(domain::Purpose::kOther)});
  }
  return all;
}

Status put_into_project(Connection& connection, const domain::Project& project,
                        const domain::Dataset& dataset, domain::Purpose purpose) {
  TRY(connection.run(
      "INSERT INTO project_datasets (dataset, project, purpose, inserted_at) "
      "VALUES ($1, $2, $3, $4) ON CONFLICT (dataset) DO UPDATE SET project = excluded.project, "
      "purpose = excluded.purpose",
      {dataset.position, project.position, std::string(to_string(purpose)), domain::now()}));
  return {};
}

Result<bool> take_from_project(Connection& connection, const domain::Project& project,
                               const domain::Dataset& dataset) {
  TRY(connection.run("DELETE FROM project_datasets WHERE project = $1 AND dataset = $2",
                     {project.position, dataset.position}));
  return connection.changed() > 0;
}

Result<GuidelineVersion> add_project_guidelines(Connection& connection,
                                                const domain::Project& project,
                                                const std::string& text,
                                                const std::string& author_id) {
  GuidelineVersion made{0, text, author_id, domain::now()};
  Rows rows = TRY(connection.run(
      "INSERT INTO project_guidelines (project, version, text, author_id, at) "
      "SELECT $1, COALESCE(MAX(version), 0) + 1, $2, $3, $4 FROM project_guidelines "
      "WHERE project = $1 RETURNING version",
      {project.position, made.text, author_id, made.at}));
  made.version = rows.at(0).integer(0);
  return made;
}

Result<std::vector<GuidelineVersion>> list_project_guidelines(Connection& connection,
                                                              const domain::Project& project) {
  std::vector<GuidelineVersion> all;
  for (const Row& row : TRY(connection.run(
           "SELECT version, text, author_id, at FROM project_guidelines WHERE project = $1 "
           "ORDER BY version",
           {project.position}))) {
    all.push_back(version_of(row));
  }
  return all;
}

}  // namespace attune::store
