#include "data/parquet_arrow.h"

#include <cmath>

#include "base/utf8.h"

namespace attune::data {
namespace {

using arrow::Type;

template <typename ArrayType>
arrow::Result<OrderedJson> text_at(const arrow::Array& array, int64_t row) {
  const std::string_view text = static_cast<const ArrayType&>(array).GetView(row);
  if (!is_utf8(text)) return arrow::Status::Invalid("bytes that are no text");
  return OrderedJson(std::string(text));
}

template <typename ArrayType>
OrderedJson number_at(const arrow::Array& array, int64_t row) {
  return OrderedJson(static_cast<const ArrayType&>(array).Value(row));
}

template <typename ArrayType>
OrderedJson finite_at(const arrow::Array& array, int64_t row) {
  const double number = static_cast<const ArrayType&>(array).Value(row);
  return std::isfinite(number) ? OrderedJson(number) : OrderedJson();
}

template <typename ArrayType>
arrow::Result<OrderedJson> list_at(const arrow::Array& array, int64_t row) {
  const auto& list = static_cast<const ArrayType&>(array);
  OrderedJson values = OrderedJson::array();
  const int64_t from = list.value_offset(row);
  for (int64_t i = from; i < from + list.value_length(row); ++i) {
    ARROW_ASSIGN_OR_RAISE(OrderedJson value, json_of(*list.values(), i));
    values.push_back(std::move(value));
  }
  return values;
}

arrow::Result<OrderedJson> struct_at(const arrow::Array& array, int64_t row) {
  const auto& members = static_cast<const arrow::StructArray&>(array);
  OrderedJson object = OrderedJson::object();
  for (int i = 0; i < members.num_fields(); ++i) {
    ARROW_ASSIGN_OR_RAISE(object[members.struct_type()->field(i)->name()],
                          json_of(*members.field(i), row));
  }
  return object;
}

// An object where every key is a text, else a list of pairs.
arrow::Result<OrderedJson> map_at(const arrow::Array& array, int64_t row) {
  const auto& map = static_cast<const arrow::MapArray&>(array);
  OrderedJson object = OrderedJson::object();
  OrderedJson pairs = OrderedJson::array();
  const Type::type keys = map.keys()->type_id();
  const bool named = keys == Type::STRING || keys == Type::LARGE_STRING;
  const int64_t from = map.value_offset(row);
  for (int64_t i = from; i < from + map.value_length(row); ++i) {
    ARROW_ASSIGN_OR_RAISE(OrderedJson key, json_of(*map.keys(), i));
    ARROW_ASSIGN_OR_RAISE(OrderedJson item, json_of(*map.items(), i));
    if (named && key.is_string()) {
      object[key.get<std::string>()] = std::move(item);
    } else {
      pairs.push_back(OrderedJson::array({std::move(key), std::move(item)}));
    }
  }
  return named ? object : pairs;
}

// Dates, times, decimals and what else Arrow can write down.
arrow::Result<OrderedJson> written_at(const arrow::Array& array, int64_t row) {
  ARROW_ASSIGN_OR_RAISE(const auto scalar, array.GetScalar(row));
  return OrderedJson(scalar->ToString());
}

arrow::Result<OrderedJson> nested_at(const arrow::Array& array, int64_t row) {
  switch (array.type_id()) {
    case Type::LIST:
      return list_at<arrow::ListArray>(array, row);
    case Type::LARGE_LIST:
      return list_at<arrow::LargeListArray>(array, row);
    case Type::FIXED_SIZE_LIST:
      return list_at<arrow::FixedSizeListArray>(array, row);
    case Type::STRUCT:
      return struct_at(array, row);
    case Type::MAP:
      return map_at(array, row);
    case Type::DICTIONARY: {
      const auto& coded = static_cast<const arrow::DictionaryArray&>(array);
      return json_of(*coded.dictionary(), coded.GetValueIndex(row));
    }
    case Type::EXTENSION:
      return json_of(*static_cast<const arrow::ExtensionArray&>(array).storage(), row);
    default:
      return written_at(array, row);
  }
}

const OrderedJson* member(const OrderedJson& object, const std::string& name) {
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

}  // namespace

arrow::Result<OrderedJson> json_of(const arrow::Array& array, int64_t row) {
  if (array.type_id() == Type::NA || array.IsNull(row)) return OrderedJson();
  switch (array.type_id()) {
    case Type::BOOL:
      return number_at<arrow::BooleanArray>(array, row);
    case Type::INT8:
      return number_at<arrow::Int8Array>(array, row);
    case Type::UINT8:
      return number_at<arrow::UInt8Array>(array, row);
    case Type::INT16:
      return number_at<arrow::Int16Array>(array, row);
    case Type::UINT16:
      return number_at<arrow::UInt16Array>(array, row);
    case Type::INT32:
      return number_at<arrow::Int32Array>(array, row);
    case Type::UINT32:
      return number_at<arrow::UInt32Array>(array, row);
    case Type::INT64:
      return number_at<arrow::Int64Array>(array, row);
    case Type::UINT64:
      return number_at<arrow::UInt64Array>(array, row);
    case Type::FLOAT:
      return finite_at<arrow::FloatArray>(array, row);
    case Type::DOUBLE:
      return finite_at<arrow::DoubleArray>(array, row);
    case Type::STRING:
      return text_at<arrow::StringArray>(array, row);
    case Type::LARGE_STRING:
      return text_at<arrow::LargeStringArray>(array, row);
    case Type::BINARY:  // old writers do not say that their bytes are texts
      return text_at<arrow::BinaryArray>(array, row);
    case Type::LARGE_BINARY:
      return text_at<arrow::LargeBinaryArray>(array, row);
    case Type::FIXED_SIZE_BINARY:
      return text_at<arrow::FixedSizeBinaryArray>(array, row);
    default:
      return nested_at(array, row);
  }
}

arrow::Result<std::shared_ptr<arrow::DataType>> type_of(const Json& type) {
  const auto kind = type.at("kind").get<std::string>();
  if (kind == "bool") return arrow::boolean();
  if (kind == "int") return arrow::int64();
  if (kind == "number") return arrow::float64();
  if (kind == "list") {
    ARROW_ASSIGN_OR_RAISE(auto item, type_of(type.at("item")));
    return arrow::list(std::move(item));
  }
  if (kind != "object") return arrow::utf8();
  arrow::FieldVector fields;
  for (const Json& one : type.at("members")) {
    ARROW_ASSIGN_OR_RAISE(auto of_member, type_of(one.at(1)));
    fields.push_back(arrow::field(one.at(0).get<std::string>(), std::move(of_member)));
  }
  return arrow::struct_(std::move(fields));
}

arrow::Status append_json(const Json& type, const OrderedJson* value,
                          arrow::ArrayBuilder& builder) {
  if (value == nullptr || value->is_null()) return builder.AppendNull();
  const auto& kind = type.at("kind").get_ref<const std::string&>();
  if (kind == "bool") {
    return static_cast<arrow::BooleanBuilder&>(builder).Append(value->get<bool>());
  }
  if (kind == "int") {
    return static_cast<arrow::Int64Builder&>(builder).Append(value->get<int64_t>());
  }
  if (kind == "number") {
    return static_cast<arrow::DoubleBuilder&>(builder).Append(value->get<double>());
  }
  if (kind == "list") {
    auto& list = static_cast<arrow::ListBuilder&>(builder);
    ARROW_RETURN_NOT_OK(list.Append());
    for (const OrderedJson& one : *value) {
      ARROW_RETURN_NOT_OK(append_json(type.at("item"), &one, *list.value_builder()));
    }
    return arrow::Status::OK();
  }
  if (kind == "object") {
    auto& object = static_cast<arrow::StructBuilder&>(builder);
    ARROW_RETURN_NOT_OK(object.Append());
    int place = 0;
    for (const Json& one : type.at("members")) {
      const OrderedJson* part = member(*value, one.at(0).get_ref<const std::string&>());
      ARROW_RETURN_NOT_OK(append_json(one.at(1), part, *object.field_builder(place++)));
    }
    return arrow::Status::OK();
  }
  auto& text = static_cast<arrow::StringBuilder&>(builder);
  return text.Append(kind == "json" ? to_line(*value) : value->get<std::string>());
}

}  // namespace attune::data
