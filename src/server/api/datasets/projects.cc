// Projects: groups of data sets under common, versioned guidelines.
#include <fmt/format.h>

#include "server/api/audit.h"
#include "server/api/datasets/dataset_access.h"
#include "server/api/datasets/dataset_json.h"
#include "server/api/datasets/guidelines_json.h"
#include "server/api/endpoints.h"
#include "server/api/schema_check.h"
#include "server/api/transaction.h"
#include "server/domain/identity.h"
#include "server/store/projects.h"
#include "server/store/users.h"

namespace attune::api {
namespace {

constexpr TextRule kName = {.min = 1, .max = 200};
constexpr TextRule kDescription = {.min = 1, .max = 10'000};
constexpr TextRule kGuidelines = {.min = 1, .max = 10'000};

Answer<domain::Project> project_for(const Call& call, store::Connection& connection,
                                    const std::string& id, Right right) {
  auto project = TRY(store::find_project(connection, id));
  if (!project) return not_found_with_id("Project", id);
  TRY(right == Right::kManage
          ? may_administer_workspace(connection, *call.user, project->workspace_id)
          : may_read_workspace(connection, *call.user, project->workspace_id));
  return std::move(*project);
}

OrderedJson project_json(const domain::Project& project) {
  OrderedJson json = {{"id", project.id},
                      {"name", project.name},
                      {"description", nullptr},
                      {"workspace_id", project.workspace_id},
                      {"inserted_at", project.inserted_at},
                      {"updated_at", project.updated_at}};
  if (project.description) json["description"] = *project.description;
  return json;
}

// With its data sets and the version of its guidelines that stands now (null: none).
Result<OrderedJson> whole_project_json(store::Connection& connection,
                                       const domain::Project& project) {
  OrderedJson json = project_json(project);
  json["datasets"] = OrderedJson::array();
  for (const auto& one : TRY(store::datasets_of_project(connection, project))) {
    OrderedJson dataset = dataset_json(one.dataset);
    dataset["purpose"] = to_string(one.purpose);
    json["datasets"].push_back(std::move(dataset));
  }
  const auto versions = TRY(store::list_project_guidelines(connection, project));
  json["guidelines"] = nullptr;
  if (!versions.empty()) json["guidelines"] = guideline_text_json(versions.back());
  return json;
}

Failure name_taken(const domain::Project& project) {
  return detail(409,
                fmt::format("Project with name `{}` already exists for workspace with id `{}`",
                            project.name, project.workspace_id));
}

Result<bool> is_name_taken(store::Connection& connection, const domain::Project& project) {
  store::ProjectFilter filter;
  filter.workspace_id = project.workspace_id;
  filter.name = project.name;
  const auto same = TRY(store::list_projects(connection, filter));
  return !same.empty() && same[0].id != project.id;
}

Answer<http::Response> list(const Call& call) {
  const OrderedJson query = query_json(call.request.query);
  SchemaReader reader(query, "query");
  store::ProjectFilter filter;
  filter.workspace_id = reader.id_or_null("workspace_id");
  reader.no_others();
  TRY(reader.done());
  if (call.user->role != domain::Role::kOwner) filter.member_id = call.user->id;
  auto read = [&](store::Connection& connection) -> Answer<OrderedJson> {
    return items_json(TRY(store::list_projects(connection, filter)), project_json);
  };
  return http::json_response(200, TRY(answer_read(call.database(), read)));
}

Answer<http::Response> get(const Call& call) {
  const std::string id = TRY(call.path_id("project_id"));
  auto read = [&](store::Connection& connection) -> Answer<OrderedJson> {
    const auto project = TRY(project_for(call, connection, id, Right::kRead));
    return TRY(whole_project_json(connection, project));
  };
  return http::json_response(200, TRY(answer_read(call.database(), read)));
}

Answer<http::Response> create(const Call& call) {
  const OrderedJson json = TRY(call.body());
  SchemaReader body(json, "body");
  domain::Project asked;
  asked.name = body.text("name", kName);
  asked.workspace_id = body.id("workspace_id");
  asked.description = body.text_or_null("description", kDescription);
  body.no_others();
  TRY(body.done());
  auto write = [&](store::Connection& connection) -> Answer<OrderedJson> {
    TRY(may_administer_workspace(connection, *call.user, asked.workspace_id));
    if (!TRY(store::find_workspace(connection, asked.workspace_id))) {
      return detail(422, fmt::format("Workspace with id `{}` not found", asked.workspace_id));
    }
    domain::Project project = asked;
    if (TRY(is_name_taken(connection, project))) return name_taken(project);
    project.id = domain::new_id();
    project.inserted_at = project.updated_at = domain::now();
    TRY(store::insert_project(connection, project));
    TRY(audit(connection, call, "project.create", project.id, {{"name", project.name}}));
    return TRY(whole_project_json(connection, project));
  };
  return http::json_response(201, TRY(answer_write(call.database(), write)));
}

Answer<http::Response> update(const Call& call) {
  const std::string id = TRY(call.path_id("project_id"));
  const OrderedJson json = TRY(call.body());
  SchemaReader body(json, "body");
  body.not_null({"name"});
  const auto name = body.text_or_null("name", kName);
  const bool describes = body.has("description");
  const auto description = body.text_or_null("description", kDescription);
  body.no_others();
  TRY(body.done());
  auto write = [&](store::Connection& connection) -> Answer<OrderedJson> {
    domain::Project project = TRY(project_for(call, connection, id, Right::kManage));
    if (name) project.name = *name;
    if (describes) project.description = description;
    if (TRY(is_name_taken(connection, project))) return name_taken(project);
    project.updated_at = domain::now();
    TRY(store::update_project(connection, project));
    TRY(audit(connection, call, "project.update", id, {{"name", project.name}}));
    return TRY(whole_project_json(connection, project));
  };
  return http::json_response(200, TRY(answer_write(call.database(), write)));
}

Answer<http::Response> remove(const Call& call) {
  const std::string id = TRY(call.path_id("project_id"));
  auto write = [&](store::Connection& connection) -> Answer<OrderedJson> {
    const auto project = TRY(project_for(call, connection, id, Right::kManage));
    OrderedJson json = TRY(whole_project_json(connection, project));
    TRY(store::delete_project(connection, project));
    TRY(audit(connection, call, "project.delete", id, {{"name", project.name}}));
    return json;
  };
  return http::json_response(200, TRY(answer_write(call.database(), write)));
}

// The text becomes the next version of the data set's own guidelines, unless it says that already.
Answer<void> adopt_guidelines(const Call& call, store::Connection& connection,
                              domain::Dataset dataset, const std::string& text) {
  if (dataset.guidelines == text) return {};
  dataset.guidelines = text;
  dataset.last_activity_at = dataset.updated_at = domain::now();
  TRY(store::update_dataset(connection, dataset));
  TRY(store::add_guideline_version(connection, dataset, call.user->id));
  return tell_of_dataset(call, connection, "dataset.updated", dataset.id);
}

Answer<http::Response> put_dataset(const Call& call) {
  const std::string id = TRY(call.path_id("project_id"));
  const std::string dataset_id = TRY(call.path_id("dataset_id"));
  const OrderedJson json = TRY(call.body());
  SchemaReader body(json, "body");
  const std::string purpose = body.choice_or("purpose", "other", domain::purpose_names());
  body.no_others();
  TRY(body.done());
  auto write = [&](store::Connection& connection) -> Answer<OrderedJson> {
    const auto project = TRY(project_for(call, connection, id, Right::kManage));
    const auto dataset = TRY(dataset_for(call, connection, dataset_id, Right::kManage));
    if (dataset.workspace_id != project.workspace_id) {
      return detail(422, fmt::format("Dataset with id `{}` is in another workspace than project "
                                     "with id `{}`",
                                     dataset_id, id));
    }
    TRY(store::put_into_project(connection, project, dataset,
                                domain::purpose_of(purpose).value_or(domain::Purpose::kOther)));
    TRY(audit(connection, call, "project.add_dataset", id, {{"dataset_id", dataset_id}}));
    const auto versions = TRY(store::list_project_guidelines(connection, project));
    if (!versions.empty()) {
      TRY(adopt_guidelines(call, connection, dataset, versions.back().text));
    }
    return TRY(whole_project_json(connection, project));
  };
  return http::json_response(200, TRY(answer_write(call.database(), write)));
}

Answer<http::Response> take_dataset(const Call& call) {
  const std::string id = TRY(call.path_id("project_id"));
  const std::string dataset_id = TRY(call.path_id("dataset_id"));
  auto write = [&](store::Connection& connection) -> Answer<OrderedJson> {
    const auto project = TRY(project_for(call, connection, id, Right::kManage));
    const auto dataset = TRY(dataset_for(call, connection, dataset_id, Right::kManage));
    if (!TRY(store::take_from_project(connection, project, dataset))) {
      return detail(404, fmt::format("Dataset with id `{}` is not in project with id `{}`",
                                     dataset_id, id));
    }
    TRY(audit(connection, call, "project.remove_dataset", id, {{"dataset_id", dataset_id}}));
    return TRY(whole_project_json(connection, project));
  };
  return http::json_response(200, TRY(answer_write(call.database(), write)));
}

Answer<http::Response> list_guidelines(const Call& call) {
  const std::string id = TRY(call.path_id("project_id"));
  auto read = [&](store::Connection& connection) -> Answer<OrderedJson> {
    const auto project = TRY(project_for(call, connection, id, Right::kRead));
    return items_json(TRY(store::list_project_guidelines(connection, project)),
                      guideline_text_json);
  };
  return http::json_response(200, TRY(answer_read(call.database(), read)));
}

Answer<http::Response> put_guidelines(const Call& call) {
  const std::string id = TRY(call.path_id("project_id"));
  const OrderedJson json = TRY(call.body());
  SchemaReader body(json, "body");
  const std::string text = body.text("text", kGuidelines);
  body.no_others();
  TRY(body.done());
  auto write = [&](store::Connection& connection) -> Answer<OrderedJson> {
    domain::Project project = TRY(project_for(call, connection, id, Right::kManage));
    project.updated_at = domain::now();
    TRY(store::update_project(connection, project));  // its lock keeps two changes apart
    const auto made =
        TRY(store::add_project_guidelines(connection, project, text, call.user->id));
    TRY(audit(connection, call, "project.guidelines", id, {{"version", made.version}}));
    for (const auto& one : TRY(store::datasets_of_project(connection, project))) {
      TRY(adopt_guidelines(call, connection, one.dataset, text));
    }
    return guideline_text_json(made);
  };
  return http::json_response(201, TRY(answer_write(call.database(), write)));
}

}  // namespace

void add_project_endpoints(Endpoints& endpoints) {
  using enum http::Method;
  const std::string all = "/api/attune/v1/projects", one = all + "/{project_id}";
  const std::string dataset = one + "/datasets/{dataset_id}";
  endpoints.push_back({kGet, all, Access::kAnyone, "Projects", list});
  endpoints.push_back({kPost, all, Access::kAdmins, "Make a project", create});
  endpoints.push_back({kGet, one, Access::kAnyone,
                       "A project with its data sets and guidelines", get});
  endpoints.push_back({kPatch, one, Access::kAdmins, "Rename or describe a project", update});
  endpoints.push_back({kDelete, one, Access::kAdmins,
                       "Delete a project; its data sets stay", remove});
  endpoints.push_back({kPut, dataset, Access::kAdmins,
                       "Put a data set into a project, under its guidelines", put_dataset});
  endpoints.push_back(
      {kDelete, dataset, Access::kAdmins, "Take a data set out of a project", take_dataset});
  endpoints.push_back({kGet, one + "/guidelines", Access::kAnyone,
                       "Versions of a project's guidelines", list_guidelines});
  endpoints.push_back({kPost, one + "/guidelines", Access::kAdmins,
                       "A new version of the guidelines, for all data sets of the project",
                       put_guidelines});
}

}  // namespace attune::api
