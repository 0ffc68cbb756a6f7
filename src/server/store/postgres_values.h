// Values on their way to and from libpq.
#pragma once

#include <libpq-fe.h>

#include <array>
#include <span>
#include <string>
#include <vector>

#include "server/store/database.h"

namespace attune::store {

// The arguments that libpq wants, in its binary format. Points into the values given.
class PostgresParameters {
 public:
  explicit PostgresParameters(std::span<const Value> values);

  int count() const { return static_cast<int>(types_.size()); }
  const Oid* types() const { return types_.data(); }
  const char* const* values() const { return data_.data(); }
  const int* lengths() const { return lengths_.data(); }
  const int* formats() const { return formats_.data(); }
  // Tells statements apart whose text is the same.
  std::string signature() const;

 private:
  std::vector<Oid> types_;
  std::vector<const char*> data_;
  std::vector<int> lengths_, formats_;
  std::vector<std::array<char, 8>> numbers_;
};

Row postgres_row(const PGresult* result, int row);

}  // namespace attune::store
