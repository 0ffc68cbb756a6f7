// A record's vector as it is stored: float32, little-endian, one behind the other.
#pragma once

#include <bit>
#include <cstring>
#include <span>
#include <vector>

#include "base/check.h"
#include "server/store/database.h"

namespace attune::store {

static_assert(std::endian::native == std::endian::little);

inline Bytes bytes_of(std::span<const float> components) {
  Bytes bytes(components.size_bytes());
  if (!bytes.empty()) std::memcpy(bytes.data(), components.data(), bytes.size());
  return bytes;
}

inline std::vector<float> components_of(const Bytes& bytes) {
  CHECK(bytes.size() % sizeof(float) == 0, "{} bytes of a vector", bytes.size());
  std::vector<float> components(bytes.size() / sizeof(float));
  if (!bytes.empty()) std::memcpy(components.data(), bytes.data(), bytes.size());
  return components;
}

}  // namespace attune::store
