// What a model can read: its vocabulary and context, and the errors of rows that do not fit. One
// wording for every reader of rows.
#pragma once

#include <cstdint>
#include <span>

#include "data/row_reasons.h"
#include "text/tokenizer.h"

namespace attune::engine::train {

struct ModelLimits {
  int64_t vocabulary = 0;  // rows of its embedding; 0: not checked
  int64_t context = 0;     // positions it was made for; 0: no limit
};

// kInvalidInput for a sequence of more tokens than the context; says which max_length would cut it.
data::RowStatus check_context(int64_t tokens, int64_t context);

// kInvalidInput for an id from `vocabulary` on, with its text.
data::RowStatus check_ids(std::span<const int32_t> ids, const text::Tokenizer& tokenizer,
                          int64_t vocabulary);

}  // namespace attune::engine::train
