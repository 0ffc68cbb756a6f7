#include "server/domain/dataset.h"

#include "base/check.h"

namespace attune::domain {
namespace {

template <typename T>
const T* named(const std::vector<T>& items, std::string_view name) {
  for (const T& item : items) {
    if (item.name == name) return &item;
  }
  return nullptr;
}

}  // namespace

const Field* field_named(const Schema& schema, std::string_view name) {
  return named(schema.fields, name);
}

const Question* question_named(const Schema& schema, std::string_view name) {
  return named(schema.questions, name);
}

const Question* question_with_id(const Schema& schema, std::string_view id) {
  for (const Question& question : schema.questions) {
    if (question.id == id) return &question;
  }
  return nullptr;
}

const MetadataProperty* metadata_property_named(const Schema& schema, std::string_view name) {
  return named(schema.metadata_properties, name);
}

const VectorSettings* vector_named(const Schema& schema, std::string_view name) {
  return named(schema.vectors, name);
}

const std::string& type_of(const OrderedJson& settings) {
  auto type = settings.find("type");
  CHECK(type != settings.end() && type->is_string(), "settings without a type");
  return type->get_ref<const std::string&>();
}

}  // namespace attune::domain
