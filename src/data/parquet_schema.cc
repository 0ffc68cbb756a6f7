#include "data/parquet_schema.h"

#include <algorithm>
#include <limits>

namespace attune::data {
namespace {

using Kind = ParquetType::Kind;

constexpr size_t kMembersMax = 256;  // more are not columns but names somebody counted under

Kind kind_of(const OrderedJson& value) {
  if (value.is_null()) return Kind::kNothing;
  if (value.is_boolean()) return Kind::kBool;
  if (value.is_number_unsigned() &&
      value.get<uint64_t>() > uint64_t{std::numeric_limits<int64_t>::max()}) {
    return Kind::kJson;
  }
  if (value.is_number_integer()) return Kind::kInt;
  if (value.is_number()) return Kind::kNumber;
  if (value.is_string()) return Kind::kText;
  if (value.is_array()) return Kind::kList;
  return value.empty() ? Kind::kJson : Kind::kObject;
}

Kind common(Kind a, Kind b) {
  if (a == b || b == Kind::kNothing) return a;
  if (a == Kind::kNothing) return b;
  const auto is_number = [](Kind kind) { return kind == Kind::kInt || kind == Kind::kNumber; };
  return is_number(a) && is_number(b) ? Kind::kNumber : Kind::kJson;
}

const char* name_of(Kind kind) {
  switch (kind) {
    case Kind::kBool:
      return "bool";
    case Kind::kInt:
      return "int";
    case Kind::kNumber:
      return "number";
    case Kind::kList:
      return "list";
    case Kind::kObject:
      return "object";
    case Kind::kJson:
      return "json";
    case Kind::kNothing:
    case Kind::kText:
      break;
  }
  return "text";
}

}  // namespace

void ParquetType::add(const OrderedJson& value) {
  kind = common(kind, kind_of(value));
  if (kind == Kind::kList && value.is_array()) {
    item.resize(1);
    for (const OrderedJson& one : value) item[0].add(one);
  }
  if (kind == Kind::kObject && value.is_object()) add_object(value);
}

void ParquetType::add_object(const OrderedJson& value) {
  for (const auto& entry : value.items()) {
    auto member =
        std::find_if(members.begin(), members.end(),
                     [&](const ParquetMember& known) { return known.name == entry.key(); });
    if (member == members.end()) {
      if (members.size() == kMembersMax) {
        kind = Kind::kJson;
        members.clear();
        return;
      }
      members.push_back({entry.key(), {}});
      member = std::prev(members.end());
    }
    member->type.add(entry.value());
  }
}

OrderedJson ParquetType::to_json() const {
  OrderedJson json = {{"kind", name_of(kind)}};
  if (kind == Kind::kList) json["item"] = item[0].to_json();
  if (kind == Kind::kObject) {
    json["members"] = OrderedJson::array();
    for (const auto& [name, type] : members) {
      json["members"].push_back(OrderedJson::array({name, type.to_json()}));
    }
  }
  return json;
}

void ParquetType::name_json(const std::string& path, std::vector<std::string>& names) const {
  if (kind == Kind::kJson) names.push_back(path);
  if (kind == Kind::kList) item[0].name_json(path, names);
  if (kind != Kind::kObject) return;
  for (const auto& [name, type] : members) {
    type.name_json(path.empty() ? name : path + "." + name, names);
  }
}

}  // namespace attune::data
