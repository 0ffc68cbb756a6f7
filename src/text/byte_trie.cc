#include "text/byte_trie.h"

#include <algorithm>

namespace attune::text {

uint32_t ByteTrie::find_base(const std::vector<uint8_t>& bytes) {
  while (first_free_ < units_.size() && units_[first_free_].parent != kFree) ++first_free_;
  uint32_t smallest = bytes.front();
  uint32_t at = std::max(first_free_, smallest + 1);
  // After many tries in crowded places it is cheaper to go to the end.
  for (int tries = 0;; ++at, ++tries) {
    if (tries == 256) at = std::max(at, used_end_);
    uint32_t base = at - smallest;
    if (units_.size() < size_t{base} + 256) units_.resize(size_t{base} + 256);
    bool fits = std::all_of(bytes.begin(), bytes.end(),
                            [&](uint8_t byte) { return units_[base + byte].parent == kFree; });
    if (fits) return base;
  }
}

void ByteTrie::place(const Entries& entries, const Range& range, std::vector<Range>& work) {
  size_t begin = range.begin;
  while (begin < range.end && entries[begin].first.size() == range.depth) {
    units_[range.node].value = entries[begin++].second;
  }
  std::vector<uint8_t> bytes;
  std::vector<size_t> starts;
  for (size_t i = begin; i < range.end; ++i) {
    auto byte = static_cast<uint8_t>(entries[i].first[range.depth]);
    if (!bytes.empty() && bytes.back() == byte) continue;
    bytes.push_back(byte);
    starts.push_back(i);
  }
  if (bytes.empty()) return;
  uint32_t base = find_base(bytes);
  units_[range.node].base = base;
  for (size_t i = 0; i < bytes.size(); ++i) {
    units_[base + bytes[i]].parent = range.node;
    used_end_ = std::max(used_end_, base + bytes[i] + 1);
    size_t end = i + 1 < bytes.size() ? starts[i + 1] : range.end;
    work.push_back({starts[i], end, range.depth + 1, base + bytes[i]});
  }
}

void ByteTrie::build(Entries entries) {
  std::erase_if(entries, [](const auto& entry) { return entry.first.empty(); });
  std::stable_sort(entries.begin(), entries.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  units_.assign(512, Unit{});
  units_[0].parent = 0;
  first_free_ = 1;
  used_end_ = 1;
  std::vector<Range> work{{0, entries.size(), 0, 0}};
  while (!work.empty()) {
    Range range = work.back();
    work.pop_back();
    place(entries, range, work);
  }
}

}  // namespace attune::text
