#include "engine/train/rows/model_limits.h"

namespace attune::engine::train {

data::RowStatus check_context(int64_t tokens, int64_t context) {
  if (context == 0 || tokens <= context) return {};
  return data::refuse_row(
      data::kBeyondContext,
      "its {} tokens are more than the model's context of {}; set max_length: {} to cut such rows",
      tokens, context, context);
}

data::RowStatus check_ids(std::span<const int32_t> ids, const text::Tokenizer& tokenizer,
                 int64_t vocabulary) {
  for (int32_t id : ids) {
    if (vocabulary == 0 || id < vocabulary) continue;
    return data::refuse_row(
        data::kForeignToken,
        "token {} (\"{}\") is outside of the model's {} embeddings; the tokenizer belongs to "
        "another model",
        id, tokenizer.id_to_token(id), vocabulary);
  }
  return {};
}

}  // namespace attune::engine::train
