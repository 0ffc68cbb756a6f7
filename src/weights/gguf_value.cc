#include <limits>

#include "weights/gguf.h"
#include "weights/half.h"

namespace attune::weights {
namespace {

size_t scalar_bytes(GgufType type) {
  switch (type) {
    case GgufType::kU8:
    case GgufType::kI8:
    case GgufType::kBool:
      return 1;
    case GgufType::kU16:
    case GgufType::kI16:
      return 2;
    case GgufType::kU32:
    case GgufType::kI32:
    case GgufType::kF32:
      return 4;
    case GgufType::kU64:
    case GgufType::kI64:
    case GgufType::kF64:
      return 8;
    default:
      return 0;
  }
}

Json scalar(GgufType type, const uint8_t* bytes) {
  switch (type) {
    case GgufType::kU8:
      return load<uint8_t>(bytes);
    case GgufType::kI8:
      return load<int8_t>(bytes);
    case GgufType::kU16:
      return load<uint16_t>(bytes);
    case GgufType::kI16:
      return load<int16_t>(bytes);
    case GgufType::kU32:
      return load<uint32_t>(bytes);
    case GgufType::kI32:
      return load<int32_t>(bytes);
    case GgufType::kF32:
      return static_cast<double>(load<float>(bytes));
    case GgufType::kBool:
      return load<uint8_t>(bytes) != 0;
    case GgufType::kU64:
      return load<uint64_t>(bytes);
    case GgufType::kI64:
      return load<int64_t>(bytes);
    case GgufType::kF64:
      return load<double>(bytes);
    default:
      return nullptr;
  }
}

Result<int64_t> to_int(const Json& value) {
  if (value.is_boolean()) return value.get<bool>() ? 1 : 0;
  if (!value.is_number_integer()) return invalid_input("is no integer");
  if (value.is_number_unsigned() &&
      value.get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
    return invalid_input("is {}, which is too large", value.get<uint64_t>());
  }
  return value.get<int64_t>();
}

std::string_view text_of(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// The parsed extents guarantee that every read here is inside the payload.
std::string_view take_string(std::span<const uint8_t>* rest) {
  uint64_t length = load<uint64_t>(rest->data());
  std::string_view text = text_of(rest->subspan(8, length));
  *rest = rest->subspan(8 + length);
  return text;
}

Json list_to_json(GgufType element, uint64_t count, std::span<const uint8_t>* rest,
                  uint64_t list_max);

Json element_to_json(GgufType type, std::span<const uint8_t>* rest, uint64_t list_max) {
  if (type == GgufType::kString) return std::string(take_string(rest));
  if (type == GgufType::kArray) {
    auto element = static_cast<GgufType>(load<uint32_t>(rest->data()));
    uint64_t count = load<uint64_t>(rest->data() + 4);
    *rest = rest->subspan(12);
    return list_to_json(element, count, rest, list_max);
  }
  Json value = scalar(type, rest->data());
  *rest = rest->subspan(scalar_bytes(type));
  return value;
}

Json list_to_json(GgufType element, uint64_t count, std::span<const uint8_t>* rest,
                  uint64_t list_max) {
  Json list = Json::array();
  for (uint64_t i = 0; i < count; ++i) {
    Json value = element_to_json(element, rest, list_max);
    if (count <= list_max) list.push_back(std::move(value));
  }
  if (count > list_max) return Json{{"length", count}};
  return list;
}

}  // namespace

Result<int64_t> GgufValue::as_int() const {
  if (scalar_bytes(type) == 0) return invalid_input("is no integer");
  return to_int(scalar(type, payload.data()));
}

Result<double> GgufValue::as_number() const {
  if (scalar_bytes(type) == 0 || type == GgufType::kBool) return invalid_input("is no number");
  return scalar(type, payload.data()).get<double>();
}

Result<bool> GgufValue::as_bool() const {
  if (type != GgufType::kBool) return invalid_input("is no boolean");
  return payload[0] != 0;
}

Result<std::string> GgufValue::as_string() const {
  if (type != GgufType::kString) return invalid_input("is no text");
  return std::string(text_of(payload));
}

Result<std::vector<std::string>> GgufValue::as_strings() const {
  if (type != GgufType::kArray || element != GgufType::kString) {
    return invalid_input("is no list of texts");
  }
  std::vector<std::string> texts;
  texts.reserve(count);
  std::span<const uint8_t> rest = payload;
  for (uint64_t i = 0; i < count; ++i) texts.emplace_back(take_string(&rest));
  return texts;
}

Result<std::vector<int64_t>> GgufValue::as_ints() const {
  size_t size = scalar_bytes(element);
  if (type != GgufType::kArray || size == 0) return invalid_input("is no list of integers");
  std::vector<int64_t> values;
  values.reserve(count);
  for (uint64_t i = 0; i < count; ++i) {
    values.push_back(TRY(to_int(scalar(element, payload.data() + i * size))));
  }
  return values;
}

Result<std::vector<float>> GgufValue::as_floats() const {
  size_t size = scalar_bytes(element);
  if (type != GgufType::kArray || size == 0 || element == GgufType::kBool) {
    return invalid_input("is no list of numbers");
  }
  std::vector<float> values;
  values.reserve(count);
  for (uint64_t i = 0; i < count; ++i) {
    values.push_back(scalar(element, payload.data() + i * size).get<float>());
  }
  return values;
}

Json GgufValue::as_json(uint64_t list_max) const {
  if (type == GgufType::kString) return std::string(text_of(payload));
  if (type != GgufType::kArray) return scalar(type, payload.data());
  if (count > list_max) return Json{{"length", count}};
  std::span<const uint8_t> rest = payload;
  return list_to_json(element, count, &rest, list_max);
}

}  // namespace attune::weights
