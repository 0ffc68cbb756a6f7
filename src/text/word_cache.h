// The ids of short words met before: direct-mapped, fixed size, never grows. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace attune::text {

class WordCache {
 public:
  static constexpr size_t kWordBytesMax = 15;
  static constexpr size_t kIdsMax = 3;

  // One cache line half: a word, its ids, and where each id ends in the word.
  struct Entry {
    uint64_t key[2] = {0, 0};  // the word's bytes, zero-padded; the last byte is its length
    int32_t ids[kIdsMax] = {0, 0, 0};
    uint8_t ends[kIdsMax] = {0, 0, 0};
    uint8_t count = 0;
  };

  // The word's entry; `hit` says whether it holds this word (else the caller may fill it).
  Entry& lookup(std::string_view word, bool& hit) {
    if (entries_.empty()) entries_.resize(kEntries);
    uint64_t key[2];
    pack(word, key);
    Entry& entry = entries_[slot(key)];
    hit = entry.key[0] == key[0] && entry.key[1] == key[1];
    if (!hit) {
      entry.key[0] = key[0];
      entry.key[1] = key[1];
      entry.count = 0;
    }
    return entry;
  }

  // Forgets the entry, when what it should hold does not fit.
  static void drop(Entry& entry) { entry.key[1] = 0; }

 private:
  static constexpr int kBits = 15;
  static constexpr size_t kEntries = size_t{1} << kBits;

  static void pack(std::string_view word, uint64_t* key) {
    char bytes[16] = {};
    std::memcpy(bytes, word.data(), word.size());
    bytes[15] = static_cast<char>(word.size());
    std::memcpy(key, bytes, 16);
  }
  static size_t slot(const uint64_t* key) {
    uint64_t mixed = (key[0] ^ (key[1] * 0x9E3779B97F4A7C15ULL)) * 0xD6E8FEB86659FD93ULL;
    mixed ^= mixed >> 29;
    return static_cast<size_t>((mixed * 0x9E3779B97F4A7C15ULL) >> (64 - kBits));
  }

  std::vector<Entry> entries_;
};

}  // namespace attune::text
