// What published sets say of several answers to one prompt, as examples: shared by the readers of
// layouts that compare or score (import_readers.h). Equal scores tie; nothing is made a winner that
// the row does not call one.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "data/import.h"

namespace attune::data {

// A finite number, or its digits in a text ("4", "-0.5"); nothing for null and "N/A". kInvalidInput
// names the column.
Result<std::optional<double>> number_of(const OrderedJson& value, std::string_view name);
// Required.
Result<double> number_column(const OrderedJson& row, std::string_view name);
// Nothing when absent or null.
Result<std::optional<double>> optional_number_column(const OrderedJson& row, std::string_view name);

// "a, b": adds a name once more, none when it is empty.
void add_name(const std::string& name, std::string& names);

// Keeps a ranking whose ranks follow from `scores`, one for each of `completions`, NaN where an
// answer has none: such an answer is not ranked, and the row's scores are left out (noted). Dropped
// with fewer than two scores.
Status keep_scored(Example example, ImportSink& sink);

// Keeps a ranking of two answers in the order in which the row has them. `better` is negative for
// the first, positive for the second, 0 for a tie.
Status keep_two(Example example, const std::string& first, const std::string& second,
                double better, ImportSink& sink);

// Messages of a column that holds a list of {role, content} or {from, value}, or one such object;
// content parts may be {type, value}. Names that ShareGPT's files have for the assistant are
// understood.
Result<Messages> messages_column(const OrderedJson& row, std::string_view name);

// Keeps a pair of two conversations that share all turns but their last; dropped where they part
// earlier or do not end with an answer.
Status keep_conversation_pair(Example example, Messages chosen, Messages rejected,
                              ImportSink& sink);

}  // namespace attune::data
