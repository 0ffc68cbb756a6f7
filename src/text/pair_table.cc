#include "text/pair_table.h"

#include <algorithm>
#include <bit>

namespace attune::text {

void PairTable::reserve(size_t pairs) {
  size_t wanted = std::bit_ceil(pairs * 2 + 16);
  if (wanted > slots_.size()) rehash(wanted);
}

void PairTable::rehash(size_t slots) {
  std::vector<Slot> old = std::move(slots_);
  slots_.assign(slots, Slot{});
  shift_ = 64 - std::countr_zero(slots);
  for (const Slot& slot : old) {
    if (slot.key == kFree) continue;
    size_t at = slot_of(slot.key);
    while (slots_[at].key != kFree) at = (at + 1) & (slots - 1);
    slots_[at] = slot;
  }
}

void PairTable::insert(int32_t left, int32_t right, Merge merge) {
  if ((size_ + 1) * 2 > slots_.size()) rehash(slots_.empty() ? 64 : slots_.size() * 2);
  uint64_t key = key_of(left, right);
  size_t at = slot_of(key);
  while (slots_[at].key != kFree && slots_[at].key != key) at = (at + 1) & (slots_.size() - 1);
  if (slots_[at].key == kFree) ++size_;
  slots_[at] = {key, merge};
}

std::vector<PairTable::Pair> PairTable::sorted() const {
  std::vector<Pair> pairs;
  pairs.reserve(size_);
  for (const Slot& slot : slots_) {
    if (slot.key == kFree) continue;
    pairs.push_back({static_cast<int32_t>(slot.key >> 32),
                     static_cast<int32_t>(slot.key & 0xFFFFFFFFU), slot.merge});
  }
  std::sort(pairs.begin(), pairs.end(), [](const Pair& a, const Pair& b) {
    if (a.merge.rank != b.merge.rank) return a.merge.rank < b.merge.rank;
    return a.left != b.left ? a.left < b.left : a.right < b.right;
  });
  return pairs;
}

}  // namespace attune::text
