#include "server/store/datasets.h"

#include "server/domain/identity.h"
#include "server/store/records.h"
#include "server/store/settings.h"
#include "server/store/snapshots.h"

namespace attune::store {
namespace {

const std::string kColumns =
    "position, id, name, workspace_id, guidelines, allow_extra_metadata, published, min_submitted, "
    "discards_complete, metadata, last_activity_at, inserted_at, updated_at, overlap_max, "
    "agreement_min";

Result<domain::Dataset> dataset_of(const Row& row) {
  domain::Dataset dataset;
  dataset.position = row.integer(0);
  dataset.id = row.text(1);
  dataset.name = row.text(2);
  dataset.workspace_id = row.text(3);
  dataset.guidelines = row.text_or_null(4);
  dataset.allow_extra_metadata = row.boolean(5);
  dataset.published = row.boolean(6);
  dataset.min_submitted = row.integer(7);
  dataset.discards_complete = row.boolean(8);
  if (!row.is_null(9)) dataset.metadata = TRY(parse_ordered_json(row.text(9)));
  dataset.last_activity_at = row.text(10);
  dataset.inserted_at = row.text(11);
  dataset.updated_at = row.text(12);
  if (!row.is_null(13)) dataset.overlap_max = row.integer(13);
  if (!row.is_null(14)) dataset.agreement_min = row.real(14);
  return dataset;
}

Value metadata_value(const domain::Dataset& dataset) {
  if (dataset.metadata.is_null()) return nullptr;
  return to_line(dataset.metadata);
}

int64_t flag(bool value) {
  return value ? 1 : 0;
}

Value overlap_value(const domain::Dataset& dataset) {
  if (!dataset.overlap_max) return nullptr;
  return *dataset.overlap_max;
}

}  // namespace

Result<std::optional<domain::Dataset>> find_dataset(Connection& connection, const std::string& id) {
  static const std::string kSelect = "SELECT " + kColumns + " FROM datasets WHERE id = $1";
  Rows rows = TRY(connection.run(kSelect, {id}));
  if (rows.empty()) return std::optional<domain::Dataset>();
  return std::optional(TRY(dataset_of(rows[0])));
}

Result<std::optional<domain::Schema>> load_schema(Connection& connection, const std::string& id) {
  std::optional<domain::Dataset> dataset = TRY(find_dataset(connection, id));
  if (!dataset) return std::optional<domain::Schema>();
  domain::Schema schema;
  schema.dataset = std::move(*dataset);
  schema.fields = TRY(list_settings<domain::Field>(connection, id));
  schema.questions = TRY(list_settings<domain::Question>(connection, id));
  schema.metadata_properties = TRY(list_settings<domain::MetadataProperty>(connection, id));
  schema.vectors = TRY(list_settings<domain::VectorSettings>(connection, id));
  return std::optional(std::move(schema));
}

Result<std::vector<domain::Dataset>> list_datasets(Connection& connection,
                                                   const DatasetFilter& filter) {
  std::string sql = "SELECT " + kColumns + " FROM datasets";
  std::vector<Value> values;
  auto where = [&](const std::string& before, Value value, const std::string& after = "") {
    sql += (values.empty() ? " WHERE " : " AND ") + before;
    values.push_back(std::move(value));
    sql += "$" + std::to_string(values.size()) + after;
  };
  if (filter.workspace_id) where("workspace_id = ", *filter.workspace_id);
  if (filter.name) where("name = ", *filter.name);
  if (filter.published) where("published = ", flag(*filter.published));
  if (filter.member_id) {
    where("workspace_id IN (SELECT workspace_id FROM workspace_users WHERE user_id = ",
          *filter.member_id, ")");
  }
  std::vector<domain::Dataset> datasets;
  for (const Row& row : TRY(connection.run(sql + " ORDER BY position", values))) {
    datasets.push_back(TRY(dataset_of(row)));
  }
  return datasets;
}

Status insert_dataset(Connection& connection, domain::Dataset& dataset) {
  Rows rows = TRY(connection.run(
      "INSERT INTO datasets (id, name, workspace_id, guidelines, allow_extra_metadata, published, "
      "min_submitted, discards_complete, metadata, last_activity_at, inserted_at, updated_at, "
      "overlap_max, agreement_min) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, "
      "$14) RETURNING position",
      {dataset.id, dataset.name, dataset.workspace_id, or_null(dataset.guidelines),
       flag(dataset.allow_extra_metadata), flag(dataset.published), dataset.min_submitted,
       flag(dataset.discards_complete), metadata_value(dataset), dataset.last_activity_at,
       dataset.inserted_at, dataset.updated_at, overlap_value(dataset), dataset.agreement_min}));
  dataset.position = rows.at(0).integer(0);
  return {};
}

Status update_dataset(Connection& connection, const domain::Dataset& dataset) {
  TRY(connection.run(
      "UPDATE datasets SET name = $2, guidelines = $3, allow_extra_metadata = $4, published = $5, "
      "min_submitted = $6, discards_complete = $7, metadata = $8, last_activity_at = $9, "
      "updated_at = $10, overlap_max = $11, agreement_min = $12 WHERE position = $1",
      {dataset.position, dataset.name, or_null(dataset.guidelines),
       flag(dataset.allow_extra_metadata), flag(dataset.published), dataset.min_submitted,
       flag(dataset.discards_complete), metadata_value(dataset), dataset.last_activity_at,
       dataset.updated_at, overlap_value(dataset), dataset.agreement_min}));
  return {};
}

Status delete_dataset(Connection& connection, const domain::Dataset& dataset) {
  TRY(delete_records_of(connection, dataset.position));
  TRY(delete_snapshots_of(connection, dataset));
  // Histories outlive records, but no call reaches them behind their data set, forgetting neither.
  for (const char* table : {"record_history", "response_history"}) {
    TRY(connection.run(std::string("DELETE FROM ") + table + " WHERE dataset = $1",
                       {dataset.position}));
  }
  // Its settings go with it (ON DELETE CASCADE).
  TRY(connection.run("DELETE FROM datasets WHERE position = $1", {dataset.position}));
  return {};
}

Status touch_dataset(Connection& connection, const domain::Dataset& dataset,
                     const std::string& last_activity_at) {
  constexpr int64_t kSecond_us = 1'000'000;
  const int64_t now_us = domain::now_us();
  if (last_activity_at >= domain::format_time(now_us - kSecond_us)) return {};
  TRY(connection.run("UPDATE datasets SET last_activity_at = $2 WHERE position = $1",
                     {dataset.position, domain::format_time(now_us)}));
  return {};
}

}  // namespace attune::store
