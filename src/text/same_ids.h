// Whether two tokenizers mean the same by the same ids.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "text/tokenizer.h"

namespace attune::text {

struct TokenDifference {
  int32_t id = 0;
  std::string one, other;  // the token of each; "" where it has none
};

// An id that one of both lacks is a difference, or is not looked at.
enum class MissingToken { kDiffers, kPassed };

// The first id below `rows` (those of a model's embedding: tokens for padding may lie beyond) that
// is another token to `one` than to `other`; nothing where all are the same.
std::optional<TokenDifference> first_difference(const Tokenizer& one, const Tokenizer& other,
                                                int64_t rows,
                                                MissingToken missing = MissingToken::kDiffers);

}  // namespace attune::text
