#include "server/auth/secrets.h"

#include <openssl/crypto.h>

#include "base/sha256.h"
#include "server/domain/identity.h"

namespace attune::auth {
namespace {

constexpr size_t kSecretBytes = 32;
constexpr char kPlain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr char kUrl[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string encoded(std::string_view bytes, const char* letters, bool padded) {
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t left = std::min<size_t>(3, bytes.size() - i);
    unsigned group = 0;
    for (size_t j = 0; j < 3; ++j) {
      group = group << 8 | (j < left ? static_cast<unsigned char>(bytes[i + j]) : 0u);
    }
    for (size_t j = 0; j < 4; ++j) {
      if (j <= left) {
        text += letters[group >> (18 - 6 * j) & 63];
      } else if (padded) {
        text += '=';
      }
    }
  }
  return text;
}

}  // namespace

std::string to_base64(std::string_view bytes) {
  return encoded(bytes, kPlain, true);
}

std::string to_base64url(std::string_view bytes) {
  return encoded(bytes, kUrl, false);
}

std::string new_secret() {
  return to_base64url(domain::random_bytes(kSecretBytes));
}

std::string new_api_key() {
  return "attune_" + new_secret();
}

std::string hash_of(std::string_view secret) {
  return sha256_hex(secret);
}

bool same_secret(std::string_view given, std::string_view expected) {
  // Of the hashes, so that the lengths say nothing either.
  const std::string left = hash_of(given), right = hash_of(expected);
  return CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

}  // namespace attune::auth
