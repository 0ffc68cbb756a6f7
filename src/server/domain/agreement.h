// How far the answers to one record agree: what decides, with adaptive overlap, whether it wants
// one more. Agreement of a whole data set, beyond chance, is feedback/krippendorff.h's matter.
#pragma once

#include <optional>
#include <vector>

#include "base/json.h"
#include "server/domain/dataset.h"

namespace attune::domain {

// `answers` are the values {"question":{"value":...}} of different people. For each question and
// each pair of people who both answered it, 1 less the distance of the two answers: 0 or 1 of
// labels, the share of the scale's length of ratings, MASI of label sets, Kendall's of rankings.
// Texts and spans do not count. The mean over the pairs of each question, then over the questions;
// nothing where no pair can be compared.
std::optional<double> record_agreement(const std::vector<Question>& questions,
                                       const std::vector<OrderedJson>& answers);

}  // namespace attune::domain
