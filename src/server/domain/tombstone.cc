#include "server/domain/tombstone.h"

#include "base/sha256.h"

namespace attune::domain {
namespace {

constexpr const char* kForgotten = "forgotten";

}  // namespace

OrderedJson tombstone_of(const std::string& text) { return {{kForgotten, sha256_hex(text)}}; }

bool is_tombstone(const OrderedJson& json) {
  if (!json.is_object() || json.size() != 1) return false;
  const auto hash = json.find(kForgotten);
  if (hash == json.end() || !hash->is_string()) return false;
  const auto& digits = hash->get_ref<const std::string&>();
  return digits.size() == 64 && digits.find_first_not_of("0123456789abcdef") == std::string::npos;
}

}  // namespace attune::domain
