// Metadata properties: what records are filtered and sorted by.
#include "server/api/datasets/dataset_access.h"
#include "server/api/datasets/dataset_json.h"
#include "server/api/datasets/settings_reader.h"
#include "server/api/endpoints.h"
#include "server/api/transaction.h"
#include "server/domain/identity.h"
#include "server/domain/settings.h"
#include "server/store/metadata_index.h"

namespace attune::api {
namespace {

constexpr TextRule kTitle = {.min = 1, .max = 500};
constexpr const char* kWhat = "MetadataProperty";
using Property = domain::MetadataProperty;

bool sees_all(const Call& call) {
  return admits(Access::kAdmins, call.user->role);
}

Answer<http::Response> list_my_properties(const Call& call) {
  const std::string id = TRY(call.path_id("dataset_id"));
  auto read = [&](store::Connection& connection) -> Answer<OrderedJson> {
    TRY(dataset_for(call, connection, id, Right::kRead));
    auto all = TRY(store::list_settings<Property>(connection, id));
    if (!sees_all(call)) {
      std::erase_if(all, [](const Property& one) { return !one.visible_for_annotators; });
    }
    return items_json(all, metadata_property_json);
  };
  return http::json_response(200, TRY(answer_read(call.database(), read)));
}

Answer<http::Response> create_property(const Call& call) {
  const std::string id = TRY(call.path_id("dataset_id"));
  const OrderedJson json = TRY(call.body());
  SchemaReader body(json, "body");
  Property asked;
  asked.name = body.text("name", {.min = 1, .max = 200});
  asked.title = body.text("title", kTitle);
  asked.settings = read_metadata_settings(body);
  asked.visible_for_annotators = body.boolean_or("visible_for_annotators", true);
  TRY(body.done());
  auto write = [&](store::Connection& connection) -> Answer<Property> {
    const domain::Schema schema = TRY(schema_for(call, connection, id, Right::kManage));
    TRY(domain::check_new_metadata_property(schema, asked));
    Property property = asked;
    property.id = domain::new_id();
    property.dataset_id = id;
    property.inserted_at = property.updated_at = domain::now();
    TRY(store::insert_settings(connection, property));
    TRY(store::index_metadata(connection, schema.dataset, property));
    TRY(audit_settings(connection, call, "metadata_property.create", property));
    return property;
  };
  return http::json_response(201,
                             metadata_property_json(TRY(answer_write(call.database(), write))));
}

Answer<http::Response> update_property(const Call& call) {
  const std::string id = TRY(call.path_id("metadata_property_id"));
  const OrderedJson json = TRY(call.body());
  SchemaReader body(json, "body");
  body.not_null({"title", "visible_for_annotators"});
  const std::optional<std::string> title = body.text_or_null("title", kTitle);
  const std::optional<bool> visible = body.boolean_or_null("visible_for_annotators");
  TRY(body.done());
  auto write = [&](store::Connection& connection) -> Answer<Property> {
    auto found = TRY(settings_for<Property>(call, connection, kWhat, id, Right::kManage));
    if (title) found.item.title = *title;
    if (visible) found.item.visible_for_annotators = *visible;
    found.item.updated_at = domain::now();
    TRY(store::update_settings(connection, found.item));
    TRY(audit_settings(connection, call, "metadata_property.update", found.item));
    return std::move(found.item);
  };
  return http::json_response(200,
                             metadata_property_json(TRY(answer_write(call.database(), write))));
}

Answer<http::Response> delete_property(const Call& call) {
  const std::string id = TRY(call.path_id("metadata_property_id"));
  auto write = [&](store::Connection& connection) -> Answer<Property> {
    auto found = TRY(settings_for<Property>(call, connection, kWhat, id, Right::kManage));
    TRY(store::delete_settings(connection, found.item));
    TRY(audit_settings(connection, call, "metadata_property.delete", found.item));
    return std::move(found.item);
  };
  return http::json_response(200,
                             metadata_property_json(TRY(answer_write(call.database(), write))));
}

OrderedJson metrics_json(const Property& property, const store::MetadataMetrics& metrics) {
  const std::string& type = domain::type_of(property.settings);
  if (type == "terms") {
    OrderedJson values = OrderedJson::array();
    for (const auto& [term, count] : metrics.terms) {
      values.push_back({{"term", term}, {"count", count}});
    }
    return {{"type", type}, {"total", metrics.total}, {"values", values}};
  }
  auto bound = [&](const std::optional<double>& number) -> OrderedJson {
    if (!number) return nullptr;
    if (type == "integer") return static_cast<int64_t>(*number);
    return *number;
  };
  return {{"type", type}, {"min", bound(metrics.min)}, {"max", bound(metrics.max)}};
}

Answer<http::Response> property_metrics(const Call& call) {
  const std::string id = TRY(call.path_id("metadata_property_id"));
  auto read = [&](store::Connection& connection) -> Answer<OrderedJson> {
    auto found = TRY(settings_for<Property>(call, connection, kWhat, id, Right::kRead));
    if (!found.item.visible_for_annotators && !sees_all(call)) return forbidden();
    return metrics_json(found.item, TRY(store::metadata_metrics(connection, found.item)));
  };
  return http::json_response(200, TRY(answer_read(call.database(), read)));
}

}  // namespace

void add_metadata_property_endpoints(Endpoints& endpoints) {
  using enum http::Method;
  const std::string of = "/datasets/{dataset_id}/metadata-properties";
  const std::string one = "/api/v1/metadata-properties/{metadata_property_id}";
  endpoints.push_back({kGet, "/api/v1/me" + of, Access::kAnyone,
                       "Metadata properties that one may see", list_my_properties});
  endpoints.push_back(
      {kPost, "/api/v1" + of, Access::kAdmins, "Add a metadata property", create_property});
  endpoints.push_back(
      {kPatch, one, Access::kAdmins, "Change a metadata property", update_property});
  endpoints.push_back(
      {kDelete, one, Access::kAdmins, "Delete a metadata property", delete_property});
  endpoints.push_back({kGet, one + "/metrics", Access::kAnyone,
                       "What values of a metadata property occur", property_metrics});
}

}  // namespace attune::api
