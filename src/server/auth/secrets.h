// Keys and tokens: 256 random bits each, so that a plain SHA-256 of them is safe to store (there is
// nothing to guess, unlike a password).
#pragma once

#include <string>
#include <string_view>

namespace attune::auth {

// 32 random bytes as 43 characters of base64url.
std::string new_secret();
// The same with "attune_" before it, which scanners for leaked keys recognise.
std::string new_api_key();

// SHA-256 in hexadecimal: what the data base holds of a key.
std::string hash_of(std::string_view secret);

// Compares in a time that says nothing of where two texts differ.
bool same_secret(std::string_view given, std::string_view expected);

// Base64 (RFC 4648) with '+', '/' and padding; of base64url, neither.
std::string to_base64(std::string_view bytes);
std::string to_base64url(std::string_view bytes);

}  // namespace attune::auth
