#include "server/forgetting.h"

#include "base/log.h"
#include "server/data_directory.h"
#include "server/domain/identity.h"
#include "server/store/audit.h"
#include "server/store/database.h"
#include "server/store/datasets.h"
#include "server/store/forget.h"
#include "server/store/record_history.h"
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
  auto user = TRY(store::find_user_named(connection, name));
  const std::string id = user ? user->id : domain::canonical_id(name);
  if (id.empty()) {
    return not_found("there is nobody named {}; who was deleted is named by their id", name);
  }
  if (!user) user = TRY(store::find_user(connection, id));
  const auto counts = TRY(store::forget_person(connection, id));
  TRY(tell(connection, "user.forget", id, nullptr));
  return Forgotten{store::to_json(counts), {}, user ? user->username : id};
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
    if (record.external_id) forgotten.record_names.insert(*record.external_id);
  }
  for (const std::string& id : request.record_ids) {  // deleted ones have versions alone
    forgotten.record_names.insert(id);
    for (const store::RecordVersion& one : TRY(store::versions_of_record(connection, id))) {
      if (one.external_id) forgotten.record_names.insert(*one.external_id);
    }
  }
  forgotten.counts =
      store::to_json(TRY(store::forget_records(connection, *schema, request.record_ids)));
  TRY(tell(connection, "records.forget", schema->dataset.id,
           {{"record_ids", request.record_ids}}));
  return forgotten;
}

}  // namespace

Result<Forgotten> forget(const ForgettingRequest& request) {
  store::DatabaseOptions options;
  options.url = TRY(existing_database_url_in(request.data_dir, request.database_url));
  const auto directory = TRY(DataDirectory::open(request.data_dir));
  const auto database = TRY(store::Database::open(options));
  const auto write = [&](store::Connection& connection) -> Result<Forgotten> {
    if (!request.person.empty()) return forget_one_person(connection, request.person);
    return forget_some_records(connection, request);
  };
  Forgotten forgotten = TRY(database->write(write));
  // It is forgotten: what went wrong afterwards must not keep from the caller what that touched.
  const Status erased = database->erase_forgotten();
  if (!erased.ok()) {
    log_warning("{}; what was forgotten may still stand in files", erased.error().message());
  }
  return forgotten;
}

}  // namespace attune::server
