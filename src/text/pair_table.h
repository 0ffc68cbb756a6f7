// Which two neighbouring ids merge, how early, and into what: a flat hash table for the inner loop
// of BPE. Immutable after its last insert; then thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace attune::text {

struct Merge {
  uint32_t rank;  // lower merges first; UINT32_MAX: the pair does not merge
  int32_t id;     // of the merged token
};

class PairTable {
 public:
  static constexpr uint32_t kNoRank = UINT32_MAX;

  void reserve(size_t pairs);
  // The last insert of a pair counts.
  void insert(int32_t left, int32_t right, Merge merge);

  Merge find(int32_t left, int32_t right) const {
    if (slots_.empty()) return {kNoRank, 0};
    uint64_t key = key_of(left, right);
    size_t mask = slots_.size() - 1;
    for (size_t slot = slot_of(key);; slot = (slot + 1) & mask) {
      if (slots_[slot].key == key) return slots_[slot].merge;
      if (slots_[slot].key == kFree) return {kNoRank, 0};
    }
  }

  struct Pair {
    int32_t left, right;
    Merge merge;
  };
  // All pairs by rank.
  std::vector<Pair> sorted() const;

 private:
  static constexpr uint64_t kFree = UINT64_MAX;  // ids are not negative, so no pair has this key
  struct Slot {
    uint64_t key = kFree;
    Merge merge{kNoRank, 0};
  };
  static uint64_t key_of(int32_t left, int32_t right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
  }
  size_t slot_of(uint64_t key) const {
    return static_cast<size_t>(((key ^ (key >> 32)) * 0x9E3779B97F4A7C15ULL) >> shift_);
  }
  void rehash(size_t slots);

  std::vector<Slot> slots_;
  size_t size_ = 0;
  int shift_ = 64;
};

}  // namespace attune::text
