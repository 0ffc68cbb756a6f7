// Bounds of one rendering. Templates come with downloaded models, so every loop, allocation and
// call that a template can cause is paid for here, and a template that asks for too much gets an
// Error instead of the machine's time or memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace attune::text::jinja {

inline constexpr size_t kSourceBytesMax = size_t{4} << 20;
inline constexpr int kNestingMax = 60;     // parentheses and blocks inside each other
inline constexpr int kExpressionDepthMax = 200;  // of the tree; a chain a + b + c ... counts
inline constexpr int kValueDepthMax = 210;       // lists in lists; JSON may be 200 deep

struct Limits {
  uint64_t steps_max = 10'000'000;             // nodes evaluated, items visited
  uint64_t bytes_max = uint64_t{256} << 20;    // of all values that the rendering makes, summed
  uint64_t output_bytes_max = uint64_t{64} << 20;
  int call_depth_max = 800;                    // blocks and expressions inside each other
};

// What is left of the limits. Not thread-safe; one per rendering.
class Budget {
 public:
  explicit Budget(const Limits& limits = {})
      : limits_(limits), steps_left_(limits.steps_max), bytes_left_(limits.bytes_max) {}

  const Limits& limits() const { return limits_; }

  // False when the limit is passed; nothing is taken then.
  bool take_steps(uint64_t count) { return take(steps_left_, count); }
  bool take_bytes(uint64_t count) { return take(bytes_left_, count); }

  Status step(uint64_t count = 1) {
    if (take_steps(count)) return {};
    return unsupported(
        "the template took more than {} steps; it loops too much for a chat template",
        limits_.steps_max);
  }
  Status bytes(uint64_t count) {
    if (take_bytes(count)) return {};
    return too_many_bytes();
  }
  Error too_many_bytes() const {
    return unsupported("the template made more than {} MiB of text and lists; shorten the "
                       "conversation or use another template", limits_.bytes_max >> 20);
  }

 private:
  static bool take(uint64_t& left, uint64_t count) {
    if (count > left) return false;
    left -= count;
    return true;
  }

  Limits limits_;
  uint64_t steps_left_;
  uint64_t bytes_left_;
};

}  // namespace attune::text::jinja
