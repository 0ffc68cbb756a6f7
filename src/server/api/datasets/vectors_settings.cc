// Vectors that records may carry: their names and lengths.
#include "server/api/datasets/dataset_access.h"
#include "server/api/datasets/dataset_json.h"
#include "server/api/endpoints.h"
#include "server/api/schema_check.h"
#include "server/api/transaction.h"
#include "server/domain/identity.h"
#include "server/domain/settings.h"

namespace attune::api {
namespace {

constexpr TextRule kTitle = {.min = 1, .max = 500};
using Vector = domain::VectorSettings;

Answer<http::Response> list_vectors_settings(const Call& call) {
  const std::string id = TRY(call.path_id("dataset_id"));
  auto read = [&](store::Connection& connection) -> Answer<OrderedJson> {
    TRY(dataset_for(call, connection, id, Right::kRead));
    return items_json(TRY(store::list_settings<Vector>(connection, id)), vector_settings_json);
  };
  return http::json_response(200, TRY(answer_read(call.database(), read)));
}

Answer<http::Response> create_vector_settings(const Call& call) {
  const std::string id = TRY(call.path_id("dataset_id"));
  const OrderedJson json = TRY(call.body());
  SchemaReader body(json, "body");
  Vector asked;
  asked.name = body.text("name", {.min = 1, .max = 200});
  asked.title = body.text("title", kTitle);
  asked.dimensions = body.integer("dimensions", {.gt = 0});
  TRY(body.done());
  auto write = [&](store::Connection& connection) -> Answer<Vector> {
    const domain::Schema schema = TRY(schema_for(call, connection, id, Right::kManage));
    TRY(domain::check_new_vector(schema, asked));
    Vector vector = asked;
    vector.id = domain::new_id();
    vector.dataset_id = id;
    vector.inserted_at = vector.updated_at = domain::now();
    TRY(store::insert_settings(connection, vector));
    TRY(audit_settings(connection, call, "vector.create", vector));
    return vector;
  };
  return http::json_response(201, vector_settings_json(TRY(answer_write(call.database(), write))));
}

Answer<http::Response> update_vector_settings(const Call& call) {
  const std::string id = TRY(call.path_id("vector_settings_id"));
  const OrderedJson json = TRY(call.body());
  SchemaReader body(json, "body");
  body.not_null({"title"});
  const std::optional<std::string> title = body.text_or_null("title", kTitle);
  TRY(body.done());
  auto write = [&](store::Connection& connection) -> Answer<Vector> {
    auto found = TRY(settings_for<Vector>(call, connection, "VectorSettings", id, Right::kManage));
    if (title) found.item.title = *title;
    found.item.updated_at = domain::now();
    TRY(store::update_settings(connection, found.item));
    TRY(audit_settings(connection, call, "vector.update", found.item));
    return std::move(found.item);
  };
  return http::json_response(200, vector_settings_json(TRY(answer_write(call.database(), write))));
}

Answer<http::Response> delete_vector_settings(const Call& call) {
  const std::string id = TRY(call.path_id("vector_settings_id"));
  auto write = [&](store::Connection& connection) -> Answer<Vector> {
    auto found = TRY(settings_for<Vector>(call, connection, "VectorSettings", id, Right::kManage));
    TRY(store::delete_settings(connection, found.item));
    TRY(audit_settings(connection, call, "vector.delete", found.item));
    return std::move(found.item);
  };
  return http::json_response(200, vector_settings_json(TRY(answer_write(call.database(), write))));
}

}  // namespace

void add_vectors_settings_endpoints(Endpoints& endpoints) {
  using enum http::Method;
  const std::string all = "/api/v1/datasets/{dataset_id}/vectors-settings";
  const std::string one = "/api/v1/vectors-settings/{vector_settings_id}";
  endpoints.push_back({kGet, all, Access::kAnyone, "Vectors of a data set", list_vectors_settings});
  endpoints.push_back({kPost, all, Access::kAdmins, "Add a vector", create_vector_settings});
  endpoints.push_back({kPatch, one, Access::kAdmins, "Rename a vector", update_vector_settings});
  endpoints.push_back({kDelete, one, Access::kAdmins, "Delete a vector", delete_vector_settings});
}

}  // namespace attune::api
