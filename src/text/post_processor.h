// Post-processors: the special tokens put before and after the ids of one text. Only the form for a
// single text is read; that for pairs is kept for to_json by the tokenizer.
#pragma once

#include <cstdint>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace attune::text {

struct PostProcessor {
  std::vector<int32_t> before;
  std::vector<int32_t> after;
};

// The section "post_processor" (nullptr: nothing is added). Errors name the key.
Result<PostProcessor> parse_post_processor(const Json* section);

}  // namespace attune::text
