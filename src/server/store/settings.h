// The rows of a data set's settings, four tables of one shape. T is domain::Field, Question,
// MetadataProperty or VectorSettings.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/domain/dataset.h"
#include "server/store/database.h"

namespace attune::store {

// Those of a data set, in the order of making.
template <typename T>
Result<std::vector<T>> list_settings(Connection& connection, const std::string& dataset_id);

template <typename T>
Result<std::optional<T>> find_settings(Connection& connection, const std::string& id);

// Writes a new row and fills in its position. Errors: kConflict for a name that the data set has.
template <typename T>
Status insert_settings(Connection& connection, T& made);

// Writes all that may change: title, settings and what the kind has beside them.
template <typename T>
Status update_settings(Connection& connection, const T& changed);

// Deletes the row and what is filed under it: the values of a metadata property that records are
// filtered by (the records keep their metadata), the components of a vector.
template <typename T>
Status delete_settings(Connection& connection, const T& gone);

}  // namespace attune::store
