#include "text/vocabulary.h"

#include <bit>
#include <cstring>

namespace attune::text {
namespace {

uint64_t mix(uint64_t a, uint64_t b) {
  unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

uint64_t load(const char* bytes, size_t count) {
  uint64_t value = 0;
  std::memcpy(&value, bytes, count);
  return value;
}

}  // namespace

uint64_t hash_bytes(std::string_view bytes) {
  constexpr uint64_t kOdd1 = 0x9E3779B97F4A7C15ULL;
  constexpr uint64_t kOdd2 = 0xD6E8FEB86659FD93ULL;
  uint64_t state = bytes.size() * kOdd2;
  while (bytes.size() > 8) {
    state = mix(state ^ load(bytes.data(), 8), kOdd1);
    bytes.remove_prefix(8);
  }
  return mix(state ^ load(bytes.data(), bytes.size()) ^ kOdd1, kOdd2);
}

void Vocabulary::reserve(size_t tokens, size_t bytes) {
  arena_.reserve(bytes);
  spans_.reserve(tokens);
  size_t wanted = std::bit_ceil(tokens * 2 + 2);
  if (wanted > slots_.size() && size_ == 0) slots_.assign(wanted, -1);
}

Status Vocabulary::check_length(std::string_view token) {
  if (token.size() <= kTokenBytesMax) return {};
  return invalid_input("a token of {} bytes ({:?}...); {} are allowed", token.size(),
                       token.substr(0, 32), kTokenBytesMax);
}

size_t Vocabulary::slot_of(std::string_view token) const {
  size_t mask = slots_.size() - 1;
  size_t slot = hash_bytes(token) & mask;
  while (slots_[slot] >= 0 && this->token(slots_[slot]) != token) slot = (slot + 1) & mask;
  return slot;
}

void Vocabulary::grow() {
  std::vector<int32_t> old = std::move(slots_);
  slots_.assign(old.empty() ? 64 : old.size() * 2, -1);
  for (int32_t id : old) {
    if (id >= 0) slots_[slot_of(token(id))] = id;  // the ids that find() gives, no others
  }
}

bool Vocabulary::add(std::string_view token, int32_t id) { return insert(token, id, false); }

bool Vocabulary::add_repeated(std::string_view token, int32_t id) {
  return insert(token, id, true);
}

bool Vocabulary::insert(std::string_view token, int32_t id, bool may_repeat) {
  if (id < 0 || id >= kIdEnd || contains(id)) return false;
  if (arena_.size() + token.size() >= UINT32_MAX) return false;
  if ((size_ + 1) * 2 > slots_.size()) grow();
  size_t slot = slot_of(token);
  if (slots_[slot] >= 0 && !may_repeat) return false;
  if (id >= id_end()) spans_.resize(static_cast<size_t>(id) + 1);
  spans_[static_cast<size_t>(id)] = {static_cast<uint32_t>(arena_.size()),
                                     static_cast<uint32_t>(token.size() + 1)};
  arena_.append(token);
  slots_[slot] = id;
  ++size_;
  return true;
}

std::optional<int32_t> Vocabulary::find(std::string_view token) const {
  if (slots_.empty()) return std::nullopt;
  int32_t id = slots_[slot_of(token)];
  if (id < 0) return std::nullopt;
  return id;
}

bool Vocabulary::contains(int32_t id) const {
  return id >= 0 && id < id_end() && spans_[static_cast<size_t>(id)].length_plus_one > 0;
}

std::string_view Vocabulary::token(int32_t id) const {
  if (!contains(id)) return {};
  Span span = spans_[static_cast<size_t>(id)];
  return std::string_view(arena_).substr(span.begin, span.length_plus_one - 1);
}

}  // namespace attune::text
