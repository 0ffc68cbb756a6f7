#include "server/api/datasets/field_body.h"

#include "server/api/datasets/settings_reader.h"
#include "server/domain/identity.h"
#include "server/store/settings.h"

namespace attune::api {

Answer<domain::Field> read_new_field(const OrderedJson& json, UnknownKeys unknown) {
  SchemaReader body(json, "body");
  domain::Field field;
  field.name = body.text("name", kFieldName);
  field.title = body.text("title", kFieldTitle);
  field.required = body.boolean_or_null("required").value_or(false);
  field.settings = read_field_settings(body, unknown);
  if (unknown == UnknownKeys::kRefused) body.no_others();
  TRY(body.done());
  return field;
}

Answer<domain::Field> insert_field(store::Connection& connection, domain::Field field,
                                   const std::string& dataset_id) {
  field.id = domain::new_id();
  field.dataset_id = dataset_id;
  field.inserted_at = field.updated_at = domain::now();
  TRY(store::insert_settings(connection, field));
  return field;
}

}  // namespace attune::api
