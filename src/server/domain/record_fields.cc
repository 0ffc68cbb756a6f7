// Fields, metadata and vectors of a record (values.h).
#include <algorithm>
#include <array>

#include "server/domain/contract_text.h"
#include "server/domain/values.h"

namespace attune::domain {
namespace {

constexpr std::array<std::string_view, 8> kImageTypes = {
    "image/avif", "image/gif", "image/ico", "image/jpeg",
    "image/jpg",  "image/png", "image/svg", "image/webp"};

Status check_chat(const std::string& name, const OrderedJson& value) {
  auto field = repr(name);
  if (!value.is_array()) {
    return invalid_input("chat field {} value must be a list of messages", field);
  }
  if (value.size() > kChatMessagesMax) {
    return invalid_input("chat field {} value is exceeding the maximum length of {} messages",
                         field, kChatMessagesMax);
  }
  for (size_t i = 0; i < value.size(); ++i) {
    for (auto [key, longest] : {std::pair("role", kChatRoleCharactersMax),
                                std::pair("content", kChatContentCharactersMax)}) {
      if (!value[i].is_object() || !value[i].contains(key) || !value[i][key].is_string()) {
        return invalid_input("chat field {} value must be a list of messages", field);
      }
      size_t length = characters(value[i][key].get_ref<const std::string&>());
      if (length == 0 || length > longest) {
        return invalid_input("chat field {} message {}: {} must have 1 to {} characters", field, i,
                             key, longest);
      }
    }
  }
  return {};
}

Status check_data_url(std::string_view field, std::string_view url) {
  if (url.size() == std::string_view("data:").size()) {
    return invalid_input("image field {} has an invalid URL value", field);
  }
  if (characters(url) > kImageDataUrlCharactersMax) {
    return invalid_input(
        "image field {} value is exceeding the maximum length of {} characters for Data URLs",
        field, kImageDataUrlCharactersMax);
  }
  std::string_view rest = url.substr(5);
  size_t comma = rest.find(',');
  std::string_view type = comma == rest.npos ? "" : rest.substr(0, rest.find_first_of(";,"));
  if (std::find(kImageTypes.begin(), kImageTypes.end(), type) == kImageTypes.end()) {
    std::vector<std::string> supported(kImageTypes.begin(), kImageTypes.end());
    return invalid_input(
        "image field {} value is using an unsupported MIME type, supported MIME types are: {}",
        field, repr(supported));
  }
  return {};
}

Status check_image(const std::string& name, const OrderedJson& value) {
  std::string field = repr(name);
  Error bad = invalid_input("image field {} has an invalid URL value", field);
  if (!value.is_string()) return bad;
  std::string_view url = value.get_ref<const std::string&>();
  if (url.starts_with("data:")) return check_data_url(field, url);

  size_t host = url.starts_with("https://") ? 8 : url.starts_with("http://") ? 7 : url.npos;
  if (host == url.npos) return bad;
  size_t path = url.find_first_of("/?#", host);
  if (path == host || path == url.npos || url[path] != '/') return bad;
  if (characters(url) > kImageWebUrlCharactersMax) {
    return invalid_input(
        "image field {} value is exceeding the maximum length of {} characters for Web URLs", field,
        kImageWebUrlCharactersMax);
  }
  return {};
}

Status check_field(const Field& field, const OrderedJson& value) {
  const std::string& type = type_of(field.settings);
  if (type == "chat") return check_chat(field.name, value);
  if (type == "image") return check_image(field.name, value);
  if (type == "custom" && !value.is_object()) {
    return invalid_input("custom field {} value must be a dictionary",
                         repr(field.name));
  }
  if (type == "text" && !value.is_string()) {
    return invalid_input("text field {} value must be a text, found {}",
                         repr(field.name), class_of(value));
  }
  return {};
}

Status check_terms(const OrderedJson& settings, const OrderedJson& value) {
  auto declared = settings.find("values");
  bool any = declared == settings.end() || declared->is_null();
  auto check = [&](const OrderedJson& term) -> Status {
    if (term.is_structured() || term.is_null()) {
      return invalid_input("'{}' is not an allowed term.", shown(term));
    }
    if (any) return {};
    bool known = std::find(declared->begin(), declared->end(), term) != declared->end();
    if (!known) return invalid_input("'{}' is not an allowed term.", shown(term));
    return {};
  };
  if (!value.is_array()) return check(value);
  for (const OrderedJson& term : value) TRY(check(term));
  return {};
}

Status check_number(const OrderedJson& settings, const OrderedJson& value) {
  bool integer = type_of(settings) == "integer";
  if (integer && !value.is_number_integer()) {
    return invalid_input("'{}' is not an integer.", shown(value));
  }
  // Where the original asks for a float, 1 is a number like 1.0: a JSON writer may drop the ".0".
  if (!value.is_number()) return invalid_input("'{}' is not a float.", shown(value));
  if (auto least = settings.find("min"); least != settings.end() && least->is_number()) {
    if (value < *least) {
      return invalid_input("'{}' is less than the minimum value of '{}'.", shown(value),
                           shown(*least));
    }
  }
  if (auto most = settings.find("max"); most != settings.end() && most->is_number()) {
    if (value > *most) {
      return invalid_input("'{}' is greater than the maximum value of '{}'.", shown(value),
                           shown(*most));
    }
  }
  return {};
}

}  // namespace

Status check_record_fields(const Schema& schema, const OrderedJson& fields) {
  if (!fields.is_object() || fields.empty()) return invalid_input("fields cannot be empty");
  for (const Field& field : schema.fields) {
    auto value = fields.find(field.name);
    if (field.required && (value == fields.end() || value->is_null())) {
      return invalid_input("missing required value for field: {}",
                           repr(field.name));
    }
  }
  std::vector<std::string> unknown;
  for (const auto& [name, value] : fields.items()) {
    if (!field_named(schema, name)) unknown.push_back(name);
  }
  if (!unknown.empty()) {
    return invalid_input("found fields values for non configured fields: {}", repr(unknown));
  }
  for (const Field& field : schema.fields) {
    auto value = fields.find(field.name);
    if (value != fields.end() && !value->is_null()) TRY(check_field(field, *value));
  }
  return {};
}

Status check_metadata(const Schema& schema, const OrderedJson& metadata) {
  if (metadata.is_null()) return {};
  if (!metadata.is_object()) return invalid_input("metadata is not valid: it must be an object");
  for (const auto& [name, value] : metadata.items()) {
    const MetadataProperty* property = metadata_property_named(schema, name);
    if (!property) {
      if (schema.dataset.allow_extra_metadata) continue;
      return invalid_input(
          "metadata is not valid: '{}' metadata property does not exists for dataset '{}' and "
          "extra "
          "metadata is not allowed for this dataset",
          name, schema.dataset.id);
    }
    if (value.is_null()) continue;
    bool terms = type_of(property->settings) == "terms";
    Status fits = terms ? check_terms(property->settings, value)
                        : check_number(property->settings, value);
    if (!fits.ok()) {
      return invalid_input(
          "metadata is not valid: '{}' metadata property validation failed because {}", name,
          fits.error().message());
    }
  }
  return {};
}

Status check_vectors(const Schema& schema, const OrderedJson& vectors) {
  if (vectors.is_null()) return {};
  if (!vectors.is_object()) return invalid_input("vectors must be an object");
  for (const auto& [name, value] : vectors.items()) {
    const VectorSettings* vector = vector_named(schema, name);
    if (!vector) {
      return invalid_input("vector with name={} does not exist for dataset_id={}", name,
                           schema.dataset.id);
    }
    bool numbers = value.is_array() && std::all_of(value.begin(), value.end(), [](const auto& one) {
                     return one.is_number();
                   });
    if (!numbers) {
      return invalid_input("vector value for vector name={} must be a list of numbers", name);
    }
    if (static_cast<int64_t>(value.size()) != vector->dimensions) {
      return invalid_input("vector value for vector name={} must have {} elements, got {} elements",
                           name, vector->dimensions, value.size());
    }
  }
  return {};
}

}  // namespace attune::domain
