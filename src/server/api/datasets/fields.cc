// Fields: what annotators see of a record.
#include "server/api/datasets/dataset_access.h"
#include "server/api/datasets/dataset_json.h"
#include "server/api/datasets/field_body.h"
#include "server/api/datasets/settings_reader.h"
#include "server/api/endpoints.h"
#include "server/api/transaction.h"
#include "server/domain/identity.h"
#include "server/domain/settings.h"

namespace attune::api {
namespace {

Answer<http::Response> list_fields(const Call& call) {
  const std::string id = TRY(call.path_id("dataset_id"));
  auto read = [&](store::Connection& connection) -> Answer<OrderedJson> {
    TRY(dataset_for(call, connection, id, Right::kRead));
    return items_json(TRY(store::list_settings<domain::Field>(connection, id)), field_json);
  };
  return http::json_response(200, TRY(answer_read(call.database(), read)));
}

Answer<http::Response> create_field(const Call& call) {
  const std::string id = TRY(call.path_id("dataset_id"));
  const OrderedJson json = TRY(call.body());
  const domain::Field asked = TRY(read_new_field(json, UnknownKeys::kIgnored));
  auto write = [&](store::Connection& connection) -> Answer<domain::Field> {
    const domain::Schema schema = TRY(schema_for(call, connection, id, Right::kManage));
    TRY(domain::check_new_field(schema, asked));
    domain::Field field = TRY(insert_field(connection, asked, id));
    TRY(audit_settings(connection, call, "field.create", field));
    return field;
  };
  return http::json_response(201, field_json(TRY(answer_write(call.database(), write))));
}

Answer<http::Response> update_field(const Call& call) {
  const std::string id = TRY(call.path_id("field_id"));
  const OrderedJson json = TRY(call.body());
  SchemaReader body(json, "body");
  body.not_null({"title", "settings"});
  const std::optional<std::string> title = body.text_or_null("title", kFieldTitle);
  const OrderedJson settings = read_field_settings_change(body);
  TRY(body.done());
  auto write = [&](store::Connection& connection) -> Answer<domain::Field> {
    auto found = TRY(settings_for<domain::Field>(call, connection, "Field", id, Right::kManage));
    domain::Field field = std::move(found.item);
    if (title) field.title = *title;
    if (!settings.is_null()) field.settings = TRY(domain::changed_field_settings(field, settings));
    field.updated_at = domain::now();
    TRY(store::update_settings(connection, field));
    TRY(audit_settings(connection, call, "field.update", field));
    return field;
  };
  return http::json_response(200, field_json(TRY(answer_write(call.database(), write))));
}

Answer<http::Response> delete_field(const Call& call) {
  const std::string id = TRY(call.path_id("field_id"));
  auto write = [&](store::Connection& connection) -> Answer<domain::Field> {
    auto found = TRY(settings_for<domain::Field>(call, connection, "Field", id, Right::kManage));
    TRY(domain::check_field_deletion(found.schema, found.item));
    TRY(store::delete_settings(connection, found.item));
    TRY(audit_settings(connection, call, "field.delete", found.item));
    return std::move(found.item);
  };
  return http::json_response(200, field_json(TRY(answer_write(call.database(), write))));
}

}  // namespace

void add_field_endpoints(Endpoints& endpoints) {
  using enum http::Method;
  const std::string all = "/api/v1/datasets/{dataset_id}/fields", one = "/api/v1/fields/{field_id}";
  endpoints.push_back({kGet, all, Access::kAnyone, "Fields of a data set", list_fields});
  endpoints.push_back({kPost, all, Access::kAdmins, "Add a field", create_field});
  endpoints.push_back({kPatch, one, Access::kAdmins, "Change a field", update_field});
  endpoints.push_back({kDelete, one, Access::kAdmins, "Delete a field", delete_field});
}

}  // namespace attune::api
