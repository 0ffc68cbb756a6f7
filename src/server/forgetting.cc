#include "server/forgetting.h"

#include "base/file.h"
#include "server/data_directory.h"
#include "server/store/audit.h"
#include "server/store/database.h"
#include "server/store/datasets.h"
#include "server/store/forget.h"
#include "server/store/records.h"
#include "server/store/users.h"

namespace attune::server {
namespace {

Status tell(store::Connection& connection, const std::string& action, const std::string& subject,
            OrderedJson detail) {
  store::AuditEntry entry;
  entry.action = action;
  entry.subject = subject;
  entry.detail = std::move(detail);
  entry.remote_address = "attune forget";
  return store::insert_audit_entry(connection, entry);
}

Result<Forgotten> forget_one_person(store::Connection& connection, const std::string& name) {
  const auto user = TRY(store::find_user_named(connection, name));
  if (!user) return not_found("there is nobody named {}", name);
  const auto counts = TRY(store::forget_person(connection, user->id));
  TRY(tell(connection, "user.forget", user->id, nullptr));
  return Forgotten{store::to_json(counts), {}};
}

Result<Forgotten> forget_some_records(store::Connection& connection,
                                      const ForgettingRequest& request) {
  const auto workspace = TRY(store::find_workspace_named(connection, request.workspace));
  std::vector<domain::Dataset> datasets;
  if (workspace) {
    store::DatasetFilter filter;
    filter.workspace_id = workspace->id;
    filter.name = request.dataset;
    datasets = TRY(store::list_datasets(connection, filter));
  }
  if (datasets.empty()) {
    return not_found("there is no data set {}/{}", request.workspace, request.dataset);
  }
  const auto schema = TRY(store::load_schema(connection, datasets[0].id));
  const auto records = TRY(store::records_with_ids(connection, *schema, request.record_ids));
  Forgotten forgotten;
  for (const domain::Record& record : records) {
    forgotten.record_names.insert(record.id);
    if (record.external_id) forgotten.record_names.insert(*record.external_id);
  }
  for (const std::string& id : request.record_ids) {
    if (!forgotten.record_names.contains(id)) {
      return not_found("data set {}/{} has no record {}", request.workspace, request.dataset, id);
    }
  }
  forgotten.counts = store::to_json(TRY(store::forget_records(connection, *schema, records)));
  TRY(tell(connection, "records.forget", schema->dataset.id,
           {{"record_ids", request.record_ids}}));
  return forgotten;
}

}  // namespace

Result<Forgotten> forget(const ForgettingRequest& request) {
  store::DatabaseOptions options;
  options.url = request.database_url;
  if (options.url.empty()) {
    const std::string file = join_path(request.data_dir, "attune.db");
    if (!exists(file)) return not_found("{}: there is no data of a server here", file);
    options.url = "sqlite:" + file;
  }
  const auto directory = TRY(DataDirectory::open(request.data_dir));
  const auto database = TRY(store::Database::open(options));
  return database->write([&](store::Connection& connection) -> Result<Forgotten> {
    if (!request.person.empty()) return forget_one_person(connection, request.person);
    return forget_some_records(connection, request);
  });
}

}  // namespace attune::server
