#include "text/same_ids.h"

#include <algorithm>

namespace attune::text {

std::optional<TokenDifference> first_difference(const Tokenizer& one, const Tokenizer& other,
                                                int64_t rows, MissingToken missing) {
  const int64_t size = std::min(rows, std::max(one.vocabulary_size(), other.vocabulary_size()));
  for (int32_t id = 0; id < size; ++id) {
    TokenDifference found{id, one.id_to_token(id), other.id_to_token(id)};
    if (found.one == found.other) continue;
    const bool lacks = found.one.empty() || found.other.empty();
    if (!lacks || missing == MissingToken::kDiffers) return found;
  }
  return std::nullopt;
}

}  // namespace attune::text
