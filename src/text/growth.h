// Bounds of what a chain of rewriting steps (normalisers, pre-tokenizers, decoders) may make of a
// text. A tokenizer.json is a stranger's file: thirty steps that each double a letter would turn a
// greeting into gigabytes, so such chains are refused when the file is read.
#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"

namespace attune::text {

inline constexpr double kGrowthMax = 4096;       // bytes made of one byte, all steps together
inline constexpr size_t kStepsMax = 64;          // of one section
inline constexpr size_t kInsertBytesMax = 4096;  // one text that a step inserts

inline Status check_insert(const std::string& text, const char* key) {
  if (text.size() <= kInsertBytesMax) return {};
  return invalid_input("{} has {} bytes; {} are allowed", key, text.size(), kInsertBytesMax);
}

inline Status check_chain(size_t steps, double growth) {
  if (steps > kStepsMax) return invalid_input("{} steps; {} are allowed", steps, kStepsMax);
  if (growth <= kGrowthMax) return {};
  return invalid_input("its steps can make {:.3g} bytes of one; {:.0f} are allowed", growth,
                       kGrowthMax);
}

}  // namespace attune::text
