// Data sets: listing, making, changing, publishing and deleting them.
#include <fmt/format.h>

#include "server/api/audit.h"
#include "server/api/datasets/dataset_access.h"
#include "server/api/datasets/dataset_json.h"
#include "server/api/endpoints.h"
#include "server/api/schema_check.h"
#include "server/api/transaction.h"
#include "server/domain/identity.h"
#include "server/domain/settings.h"
#include "server/store/completion.h"
#include "server/store/dataset_counts.h"
#include "server/store/guidelines.h"
#include "server/store/users.h"

namespace attune::api {
namespace {

constexpr TextRule kName = {.min = 1, .max = 200};
constexpr TextRule kGuidelines = {.min = 1, .max = 10'000};

struct Distribution {
  int64_t min_submitted = 1;
  std::optional<bool> discards_complete;
};

Distribution read_distribution(SchemaReader& body) {
  SchemaReader distribution = body.object("distribution");
  if (distribution.has("strategy") && distribution.raw("strategy") != "overlap") {
    distribution.mistake("literal_error", "strategy",
                         "Input should be <DatasetDistributionStrategy.overlap: 'overlap'>");
  } else {
    distribution.text("strategy");
  }
  Distribution read;
  read.min_submitted = distribution.integer("min_submitted", {.ge = 1});
  read.discards_complete = distribution.boolean_or_null("discards_complete");
  return read;
}

OrderedJson read_metadata(SchemaReader& body) {
  return body.given("metadata") ? body.dictionary("metadata") : OrderedJson(nullptr);
}

Failure name_taken(const domain::Dataset& dataset) {
  return detail(409,
                fmt::format("Dataset with name `{}` already exists for workspace with id `{}`",
                            dataset.name, dataset.workspace_id));
}

// Whether another data set of the workspace has this name.
Result<bool> is_name_taken(store::Connection& connection, const domain::Dataset& dataset) {
  store::DatasetFilter filter;
  filter.workspace_id = dataset.workspace_id;
  filter.name = dataset.name;
  const auto same = TRY(store::list_datasets(connection, filter));
  return !same.empty() && same[0].id != dataset.id;
}

Answer<http::Response> list_my_datasets(const Call& call) {
  const OrderedJson query = query_json(call.request.query);
  SchemaReader reader(query, "query");
  store::DatasetFilter filter;
  filter.workspace_id = reader.id_or_null("workspace_id");
  filter.name = reader.text_or_null("name");
  if (auto status = reader.choice_or_null("status", {"draft", "ready"})) {
    filter.published = *status == "ready";
  }
  TRY(reader.done());
  if (filter.workspace_id) TRY(may_read_workspace(call, *filter.workspace_id));
  if (call.user->role != domain::Role::kOwner) filter.member_id = call.user->id;
  auto read = [&](store::Connection& connection) -> Answer<OrderedJson> {
    return items_json(TRY(store::list_datasets(connection, filter)), dataset_json);
  };
  return http::json_response(200, TRY(answer_read(call.database(), read)));
}

Answer<http::Response> get_dataset(const Call& call) {
  const std::string id = TRY(call.path_id("dataset_id"));
  auto dataset = TRY(answer_read(call.database(), [&](store::Connection& connection) {
    return dataset_for(call, connection, id, Right::kRead);
  }));
  return http::json_response(200, dataset_json(dataset));
}

Answer<domain::Dataset> read_new_dataset(const OrderedJson& json) {
  SchemaReader body(json, "body");
  domain::Dataset dataset;
  dataset.name = body.text("name", kName);
  dataset.guidelines = body.text_or_null("guidelines", kGuidelines);
  dataset.allow_extra_metadata = body.boolean_or("allow_extra_metadata", true);
  if (body.has("distribution")) {
    const Distribution distribution = read_distribution(body);
    dataset.min_submitted = distribution.min_submitted;
    dataset.discards_complete = distribution.discards_complete.value_or(false);
  }
  dataset.metadata = read_metadata(body);
  dataset.workspace_id = body.id("workspace_id");
  TRY(body.done());
  return dataset;
}

Answer<http::Response> create_dataset(const Call& call) {
  const OrderedJson json = TRY(call.body());
  const domain::Dataset asked = TRY(read_new_dataset(json));
  auto write = [&](store::Connection& connection) -> Answer<domain::Dataset> {
    TRY(may_administer_workspace(connection, *call.user, asked.workspace_id));
    if (!TRY(store::find_workspace(connection, asked.workspace_id))) {
      return detail(422, fmt::format("Workspace with id `{}` not found", asked.workspace_id));
    }
    domain::Dataset dataset = asked;
    if (TRY(is_name_taken(connection, dataset))) return name_taken(dataset);
    dataset.id = domain::new_id();
    dataset.last_activity_at = dataset.inserted_at = dataset.updated_at = domain::now();
    TRY(store::insert_dataset(connection, dataset));
    if (dataset.guidelines) {
      TRY(store::add_guideline_version(connection, dataset, call.user->id));
    }
    TRY(audit(connection, call, "dataset.create", dataset.id, {{"name", dataset.name}}));
    TRY(tell_of_dataset(call, connection, "dataset.created", dataset.id));
    return dataset;
  };
  return http::json_response(201, dataset_json(TRY(answer_write(call.database(), write))));
}

// What a PATCH asks for; a member that is not set leaves what is there.
struct DatasetChange {
  std::optional<std::string> name;
  std::optional<std::optional<std::string>> guidelines;
  std::optional<bool> allow_extra_metadata;
  std::optional<Distribution> distribution;
  std::optional<OrderedJson> metadata;  // merged into what is there; null takes it away
};

Answer<DatasetChange> read_dataset_change(const OrderedJson& json) {
  SchemaReader body(json, "body");
  body.not_null({"name", "allow_extra_metadata", "distribution"});
  DatasetChange change;
  change.name = body.text_or_null("name", kName);
  if (body.has("guidelines")) change.guidelines = body.text_or_null("guidelines", kGuidelines);
  change.allow_extra_metadata = body.boolean_or_null("allow_extra_metadata");
  if (body.given("distribution")) change.distribution = read_distribution(body);
  if (body.has("metadata")) change.metadata = read_metadata(body);
  TRY(body.done());
  return change;
}

OrderedJson changed_members(const DatasetChange& change) {
  OrderedJson names = OrderedJson::array();
  if (change.name) names.push_back("name");
  if (change.guidelines) names.push_back("guidelines");
  if (change.allow_extra_metadata) names.push_back("allow_extra_metadata");
  if (change.distribution) names.push_back("distribution");
  if (change.metadata) names.push_back("metadata");
  return names;
}

// Brings the rule of completion up to date, unless answers were submitted under the old one.
Answer<void> change_distribution(store::Connection& connection, const Distribution& asked,
                                 domain::Dataset& dataset) {
  const bool discards = asked.discards_complete.value_or(dataset.discards_complete);
  if (asked.min_submitted == dataset.min_submitted && discards == dataset.discards_complete) {
    return {};
  }
  if (asked.min_submitted != dataset.min_submitted &&
      TRY(store::has_submitted_answers(connection, dataset))) {
    return Failure(422, {{"code", "update_distribution_with_existing_responses"},
                         {"message",
                          "Distribution settings can't be modified for a dataset containing user "
                          "responses"}});
  }
  dataset.min_submitted = asked.min_submitted;
  dataset.discards_complete = discards;
  TRY(store::recompute_all(connection, dataset));
  return {};
}

Answer<domain::Dataset> apply_change(const Call& call, store::Connection& connection,
                                     const DatasetChange& change, domain::Dataset dataset) {
  if (change.name) dataset.name = *change.name;
  if (TRY(is_name_taken(connection, dataset))) return name_taken(dataset);
  if (change.allow_extra_metadata) dataset.allow_extra_metadata = *change.allow_extra_metadata;
  if (change.metadata) {
    if (change.metadata->is_object() && dataset.metadata.is_object()) {
      dataset.metadata.update(*change.metadata);
    } else {
      dataset.metadata = *change.metadata;
    }
  }
  if (change.distribution) TRY(change_distribution(connection, *change.distribution, dataset));
  const bool reworded = change.guidelines && *change.guidelines != dataset.guidelines;
  if (reworded) dataset.guidelines = *change.guidelines;
  dataset.last_activity_at = dataset.updated_at = domain::now();
  TRY(store::update_dataset(connection, dataset));
  if (reworded) TRY(store::add_guideline_version(connection, dataset, call.user->id));
  TRY(audit(connection, call, "dataset.update", dataset.id,
            {{"changed", changed_members(change)}}));
  TRY(tell_of_dataset(call, connection, "dataset.updated", dataset.id));
  return dataset;
}

Answer<http::Response> update_dataset(const Call& call) {
  const std::string id = TRY(call.path_id("dataset_id"));
  const OrderedJson json = TRY(call.body());
  const DatasetChange change = TRY(read_dataset_change(json));
  auto write = [&](store::Connection& connection) -> Answer<domain::Dataset> {
    domain::Dataset dataset = TRY(dataset_for(call, connection, id, Right::kManage));
    return apply_change(call, connection, change, std::move(dataset));
  };
  return http::json_response(200, dataset_json(TRY(answer_write(call.database(), write))));
}

Answer<http::Response> publish_dataset(const Call& call) {
  const std::string id = TRY(call.path_id("dataset_id"));
  auto write = [&](store::Connection& connection) -> Answer<domain::Dataset> {
    domain::Schema schema = TRY(schema_for(call, connection, id, Right::kManage));
    TRY(domain::check_publishable(schema));
    schema.dataset.published = true;
    schema.dataset.last_activity_at = schema.dataset.updated_at = domain::now();
    TRY(store::update_dataset(connection, schema.dataset));
    TRY(audit(connection, call, "dataset.publish", id));
    TRY(tell_of_dataset(call, connection, "dataset.published", id));
    return schema.dataset;
  };
  return http::json_response(200, dataset_json(TRY(answer_write(call.database(), write))));
}

Answer<http::Response> delete_dataset(const Call& call) {
  const std::string id = TRY(call.path_id("dataset_id"));
  auto write = [&](store::Connection& connection) -> Answer<domain::Dataset> {
    domain::Dataset dataset = TRY(dataset_for(call, connection, id, Right::kManage));
    TRY(audit(connection, call, "dataset.delete", id, {{"name", dataset.name}}));
    TRY(tell_of_dataset(call, connection, "dataset.deleted", id));
    TRY(store::delete_dataset(connection, dataset));
    return dataset;
  };
  return http::json_response(200, dataset_json(TRY(answer_write(call.database(), write))));
}

}  // namespace

void add_dataset_endpoints(Endpoints& endpoints) {
  using enum http::Method;
  const std::string all = "/api/v1/datasets", one = "/api/v1/datasets/{dataset_id}";
  endpoints.push_back({kGet, "/api/v1/me/datasets", Access::kAnyone,
                       "Data sets of the workspaces one is a member of", list_my_datasets});
  endpoints.push_back({kPost, all, Access::kAdmins, "Make a data set", create_dataset});
  endpoints.push_back({kGet, one, Access::kAnyone, "A data set", get_dataset});
  endpoints.push_back({kPatch, one, Access::kAdmins, "Change a data set", update_dataset});
  endpoints.push_back({kDelete, one, Access::kAdmins,
                       "Delete a data set with its records and answers", delete_dataset});
  endpoints.push_back({kPut, one + "/publish", Access::kAdmins,
                       "Open a data set for records and answers", publish_dataset});
}

}  // namespace attune::api
