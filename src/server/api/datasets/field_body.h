// A new field as a request writes it, and its row: for data sets in the making and published ones.
#pragma once

#include <string>

#include "server/api/datasets/settings_reader.h"
#include "server/api/schema_check.h"
#include "server/domain/dataset.h"
#include "server/store/database.h"

namespace attune::api {

inline constexpr TextRule kFieldName = {.min = 1, .max = 200};
inline constexpr TextRule kFieldTitle = {.min = 1, .max = 500};

Answer<domain::Field> read_new_field(const OrderedJson& json, UnknownKeys unknown);
// Gives it an id, its times and its place.
Answer<domain::Field> insert_field(store::Connection& connection, domain::Field field,
                                   const std::string& dataset_id);

}  // namespace attune::api
