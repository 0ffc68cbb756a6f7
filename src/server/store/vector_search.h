// The records whose vectors are nearest to one, by comparing all that qualify. Memory does not grow
// with their number.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "server/domain/search.h"
#include "server/store/database.h"

namespace attune::store {

// The cosine of the angle between two vectors of one length, -1 to 1; 0 where one has no length.
// Products are summed in double precision.
double cosine(std::span<const float> a, std::span<const float> b);

struct NearRecords {
  std::vector<domain::SearchHit> best;  // best first, equals in the order of insertion
  int64_t candidates = 0;
};

// `sql` gives record and components (float32, little-endian) of each candidate; those of another
// length are left out.
Result<NearRecords> nearest_records(Connection& connection, const domain::VectorQuery& query,
                                    const std::string& sql, std::span<const Value> parameters,
                                    size_t wanted);

}  // namespace attune::store
