// When a record is done: it has min_submitted answers that count. Submitted ones do; discarded ones
// too where the data set says so (discards_complete), so that a record nobody wants to answer does
// not stay pending for ever. Whoever changes answers or the rule calls this in the same transaction.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "server/domain/dataset.h"
#include "server/store/database.h"

namespace attune::store {

// Brings `completed` of these records of the data set up to date. Gives the positions of those that
// are complete now and were not before, ascending.
Result<std::vector<int64_t>> recompute(Connection& connection, const domain::Dataset& dataset,
                                       std::span<const int64_t> records);

// The same for all its records, after its rule has changed.
Status recompute_all(Connection& connection, const domain::Dataset& dataset);

}  // namespace attune::store
