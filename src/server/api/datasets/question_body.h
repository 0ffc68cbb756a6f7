// A new question as a request writes it, and its row: for data sets in the making and published
// ones.
#pragma once

#include <string>

#include "server/api/datasets/settings_reader.h"
#include "server/api/schema_check.h"
#include "server/domain/dataset.h"
#include "server/store/database.h"

namespace attune::api {

inline constexpr TextRule kQuestionName = {.min = 1, .max = 200};
inline constexpr TextRule kQuestionTitle = {.min = 1, .max = 500};
inline constexpr TextRule kQuestionDescription = {.min = 1, .max = 1000};

Answer<domain::Question> read_new_question(const OrderedJson& json, UnknownKeys unknown);
// Gives it an id, its times and its place.
Answer<domain::Question> insert_question(store::Connection& connection, domain::Question question,
                                         const std::string& dataset_id);

}  // namespace attune::api
