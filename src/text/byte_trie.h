// A trie over byte strings for common-prefix search, as a double array: two flat tables, one
// look-up a byte. Immutable once built; then thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace attune::text {

class ByteTrie {
 public:
  // Keys may come in any order; empty ones are left out. Of equal keys the last value counts.
  void build(std::vector<std::pair<std::string_view, int32_t>> entries);

  // Calls visit(length, value) for each key that `text` starts with, shortest first.
  template <typename Visit>
  void prefixes(std::string_view text, Visit visit) const {
    if (units_.empty()) return;
    uint32_t node = 0;
    for (size_t i = 0; i < text.size(); ++i) {
      uint32_t next = units_[node].base + static_cast<uint8_t>(text[i]);
      if (next >= units_.size() || units_[next].parent != node) return;
      node = next;
      if (units_[node].value >= 0) visit(i + 1, units_[node].value);
    }
  }

 private:
  static constexpr uint32_t kFree = UINT32_MAX;
  struct Unit {
    uint32_t base = 0;        // children sit at base + byte
    uint32_t parent = kFree;  // kFree: nothing is here
    int32_t value = -1;       // of the key that ends here
  };
  using Entries = std::vector<std::pair<std::string_view, int32_t>>;
  struct Range {
    size_t begin, end;  // entries below the node
    size_t depth;
    uint32_t node;
  };
  uint32_t find_base(const std::vector<uint8_t>& bytes);
  void place(const Entries& entries, const Range& range, std::vector<Range>& work);

  std::vector<Unit> units_;
  uint32_t first_free_ = 1;
  uint32_t used_end_ = 1;  // every unit from here on is free
};

}  // namespace attune::text
