// The columns that rows of JSON need in a typed file: what all values of a column have in common.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"

namespace attune::data {

struct ParquetMember;

// A column's, element's or member's type. Any of them may be null in a row.
struct ParquetType {
  // kJson: a text that holds the JSON of values that have no type in common, of objects without or
  // with very many members, and of whole numbers beyond 64 bits.
  enum class Kind { kNothing, kBool, kInt, kNumber, kText, kList, kObject, kJson };
  Kind kind = Kind::kNothing;
  std::vector<ParquetMember> members;  // kObject
  std::vector<ParquetType> item;       // kList: one

  void add(const OrderedJson& value);
  // {"kind": "list", "item": {...}}, {"kind": "object", "members": [["name", {...}], ...]}; what
  // was null in every row is a text.
  OrderedJson to_json() const;
  // Names of columns that are written as JSON, "a.b" for members.
  void name_json(const std::string& path, std::vector<std::string>& names) const;

 private:
  void add_object(const OrderedJson& value);
};

struct ParquetMember {
  std::string name;
  ParquetType type;
};

// The type of rows.
using ParquetSchema = ParquetType;

}  // namespace attune::data
