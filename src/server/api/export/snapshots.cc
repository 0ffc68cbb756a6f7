// Snapshots of data sets: a name and a hash for what people had said at one moment. Exports of a
// snapshot are export.cc's.
#include <algorithm>

#include "server/api/audit.h"
#include "server/api/datasets/dataset_access.h"
#include "server/api/endpoints.h"
#include "server/api/export/export_line.h"
#include "server/api/schema_check.h"
#include "server/api/transaction.h"
#include "server/domain/identity.h"
#include "server/domain/snapshot.h"
#include "server/store/export_pages.h"
#include "server/store/snapshots.h"

namespace attune::api {
namespace {

using domain::Snapshot;

constexpr const char* kNamePattern = "^[a-zA-Z0-9][a-zA-Z0-9_.-]*$";

bool is_name(std::string_view text) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  if (text.empty() || !is_plain(text[0])) return false;
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return is_plain(c) || c == '_' || c == '.' || c == '-';
  });
}

OrderedJson snapshot_json(const Snapshot& snapshot) {
  return {{"id", snapshot.id},
          {"dataset_id", snapshot.dataset_id},
          {"name", snapshot.name},
          {"hash", snapshot.hash},
          {"records", snapshot.records},
          {"answers", snapshot.answers},
          {"forgotten_rows", snapshot.forgotten},
          {"author_id", snapshot.author_id ? OrderedJson(*snapshot.author_id)
                                           : OrderedJson(nullptr)},
          {"inserted_at", snapshot.inserted_at}};
}

// Reads every record in the write that keeps it, so that the snapshot is of one moment.
Status fill(store::Connection& connection, const domain::Schema& schema, Snapshot& snapshot) {
  domain::SnapshotHash hash(schema);
  const store::RecordParts parts = {.responses = true, .suggestions = true};
  for (int64_t after = 0;;) {
    const auto page =
        TRY(store::export_page(connection, schema, after, store::kExportPageRecords, parts,
                               {.adjudications = true}));
    if (page.records.empty()) break;
    std::vector<store::SnapshotRow> rows;
    for (const store::ExportedRecord& record : page.records) {
      store::SnapshotRow row{++snapshot.records, record.id, ""};
      append_whole_record(schema, {}, page, record, row.text);
      row.text.pop_back();  // the line's end
      hash.add(domain::content_hash(TRY(parse_ordered_json(row.text))));
      snapshot.answers += std::ssize(record.answers);
      rows.push_back(std::move(row));
    }
    TRY(store::add_snapshot_rows(connection, snapshot, rows));
    after = page.records.back().position;
  }
  snapshot.hash = hash.hex();
  return store::complete_snapshot(connection, snapshot);
}

Answer<http::Response> create(const Call& call) {
  const std::string id = TRY(call.path_id("dataset_id"));
  const OrderedJson json = TRY(call.body());
  SchemaReader body(json, "body");
  const std::string name = body.text(
      "name", {.min = 1, .max = 200, .pattern = kNamePattern, .allowed = is_name});
  body.no_others();
  TRY(body.done());
  const auto write = [&](store::Connection& connection) -> Answer<OrderedJson> {
    const domain::Schema schema = TRY(schema_for(call, connection, id, Right::kManage));
    if (TRY(store::find_snapshot_named(connection, schema.dataset, name))) {
      return detail(409, fmt::format("data set `{}` has a snapshot `{}` already",
                                     schema.dataset.name, name));
    }
    Snapshot snapshot;
    snapshot.id = domain::new_id();
    snapshot.dataset_id = id;
    snapshot.name = name;
    snapshot.author_id = call.user->id;
    snapshot.inserted_at = domain::now();
    TRY(store::insert_snapshot(connection, schema.dataset, snapshot));
    TRY(fill(connection, schema, snapshot));
    TRY(audit(connection, call, "snapshot.create", snapshot.id,
              {{"dataset_id", id}, {"name", name}, {"hash", snapshot.hash}}));
    return snapshot_json(snapshot);
  };
  return http::json_response(201, TRY(answer_write(call.database(), write)));
}

Answer<http::Response> list(const Call& call) {
  const std::string id = TRY(call.path_id("dataset_id"));
  const auto read = [&](store::Connection& connection) -> Answer<OrderedJson> {
    const auto dataset = TRY(dataset_for(call, connection, id, Right::kReview));
    OrderedJson items = OrderedJson::array();
    for (const Snapshot& one : TRY(store::list_snapshots(connection, dataset))) {
      items.push_back(snapshot_json(one));
    }
    return OrderedJson{{"items", std::move(items)}};
  };
  return http::json_response(200, TRY(answer_read(call.database(), read)));
}

Answer<Snapshot> snapshot_for(const Call& call, store::Connection& connection,
                              const std::string& id, Right right) {
  auto snapshot = TRY(store::find_snapshot(connection, id));
  if (!snapshot) return not_found_with_id("Snapshot", id);
  TRY(dataset_for(call, connection, snapshot->dataset_id, right));
  return std::move(*snapshot);
}

Answer<http::Response> get_one(const Call& call) {
  const std::string id = TRY(call.path_id("snapshot_id"));
  const auto read = [&](store::Connection& connection) -> Answer<OrderedJson> {
    return snapshot_json(TRY(snapshot_for(call, connection, id, Right::kReview)));
  };
  return http::json_response(200, TRY(answer_read(call.database(), read)));
}

Answer<http::Response> delete_one(const Call& call) {
  const std::string id = TRY(call.path_id("snapshot_id"));
  const auto write = [&](store::Connection& connection) -> Answer<void> {
    const Snapshot snapshot = TRY(snapshot_for(call, connection, id, Right::kManage));
    TRY(store::delete_snapshot(connection, snapshot));
    TRY(audit(connection, call, "snapshot.delete", id,
              {{"name", snapshot.name}, {"hash", snapshot.hash}}));
    return {};
  };
  TRY(answer_write(call.database(), write));
  return http::empty_response(204);
}

}  // namespace

void add_snapshot_endpoints(Endpoints& endpoints) {
  using enum http::Method;
  const std::string of_dataset = "/api/attune/v1/datasets/{dataset_id}/snapshots";
  const std::string one = "/api/attune/v1/snapshots/{snapshot_id}";
  endpoints.push_back({kPost, of_dataset, Access::kAdmins,
                       "Keep the data set as it is now, under a name and a hash of its content",
                       create});
  endpoints.push_back(
      {kGet, of_dataset, Access::kReviewers, "Snapshots of a data set", list});
  endpoints.push_back({kGet, one, Access::kReviewers, "A snapshot's hash and counts", get_one});
  endpoints.push_back({kDelete, one, Access::kAdmins, "Delete a snapshot", delete_one});
}

}  // namespace attune::api
