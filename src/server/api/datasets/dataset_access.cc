#include "server/api/datasets/dataset_access.h"

#include <fmt/format.h>

#include "server/api/datasets/dataset_json.h"
#include "server/api/events.h"

namespace attune::api {
namespace {

Answer<void> allowed(const Call& call, store::Connection& connection,
                     const domain::Dataset& dataset, Right right) {
  CHECK(call.user, "a public endpoint asked for a data set");
  const std::string& workspace = dataset.workspace_id;
  switch (right) {
    case Right::kRead: return may_read_workspace(connection, *call.user, workspace);
    case Right::kReview: return may_review_workspace(connection, *call.user, workspace);
    case Right::kManage: return may_administer_workspace(connection, *call.user, workspace);
  }
  return forbidden();
}

}  // namespace

Failure not_found_with_id(std::string_view what, const std::string& id) {
  return detail(404, fmt::format("{} with id `{}` not found", what, id));
}

Answer<domain::Dataset> dataset_for(const Call& call, store::Connection& connection,
                                    const std::string& dataset_id, Right right) {
  std::optional<domain::Dataset> dataset = TRY(store::find_dataset(connection, dataset_id));
  if (!dataset) return not_found_with_id("Dataset", dataset_id);
  TRY(allowed(call, connection, *dataset, right));
  return std::move(*dataset);
}

Answer<domain::Schema> schema_for(const Call& call, store::Connection& connection,
                                  const std::string& dataset_id, Right right) {
  std::optional<domain::Schema> schema = TRY(store::load_schema(connection, dataset_id));
  if (!schema) return not_found_with_id("Dataset", dataset_id);
  TRY(allowed(call, connection, schema->dataset, right));
  return std::move(*schema);
}

Answer<std::shared_ptr<const DatasetSettings>> settings_for_reader(const Call& call,
                                                                   store::Connection& connection,
                                                                   const std::string& dataset_id) {
  CHECK(call.user, "a public endpoint asked for a data set");
  SettingsSnapshot settings = TRY(call.services.settings.at(connection));
  auto found = TRY(settings.dataset(dataset_id));
  if (!found) return not_found_with_id("Dataset", dataset_id);
  TRY(may_read_workspace(settings, *call.user, found->schema.dataset.workspace_id));
  return found;
}

Answer<void> tell_of_dataset(const Call& call, store::Connection& connection,
                             std::string_view event, const std::string& dataset_id) {
  if (!call.services.events) return {};
  auto payload = [&](store::Connection& inside) -> Result<OrderedJson> {
    auto schema = TRY(store::load_schema(inside, dataset_id));
    if (!schema) return not_found("Dataset with id `{}` not found", dataset_id);
    return dataset_event_json(inside, *schema);
  };
  TRY(call.services.events->emit(connection, event, payload));
  return {};
}

}  // namespace attune::api
