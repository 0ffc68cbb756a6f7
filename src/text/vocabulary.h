// Token strings and their ids, both ways, in flat memory: one byte arena, and a hash table of ids
// with linear probing. Immutable after its last add(); then safe to read from many threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace attune::text {

// A fast 64-bit hash of bytes (not for adversaries: tables stay correct, only slower).
uint64_t hash_bytes(std::string_view bytes);

class Vocabulary {
 public:
  static constexpr int32_t kIdEnd = 1 << 23;  // ids are below; larger ones are a mistake in a file

  // Longer tokens are refused by the readers of files: matching costs the text's length times
  // theirs.
  static constexpr size_t kTokenBytesMax = 4096;

  // False when `id` is outside [0, kIdEnd), has a token already, or the token has another id.
  bool add(std::string_view token, int32_t id);
  // The same, but a token that has an id already may get another: find() then gives the new one,
  // and both ids show the token.
  bool add_repeated(std::string_view token, int32_t id);
  void reserve(size_t tokens, size_t bytes);
  static Status check_length(std::string_view token);

  std::optional<int32_t> find(std::string_view token) const;
  bool contains(int32_t id) const;
  std::string_view token(int32_t id) const;  // "" when there is none
  int32_t id_end() const { return static_cast<int32_t>(spans_.size()); }  // highest id + 1
  size_t size() const { return size_; }                                   // ids in use

 private:
  struct Span {
    uint32_t begin = 0;
    uint32_t length_plus_one = 0;  // 0: no token has this id
  };
  void grow();
  bool insert(std::string_view token, int32_t id, bool may_repeat);
  size_t slot_of(std::string_view token) const;

  std::string arena_;
  std::vector<Span> spans_;
  std::vector<int32_t> slots_;  // -1 is free
  size_t size_ = 0;
};

}  // namespace attune::text
