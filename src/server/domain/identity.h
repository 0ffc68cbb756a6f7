// Ids, times and random bytes as the contract writes them. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace attune::domain {

// From the operating system's generator, fit for keys and tokens.
std::string random_bytes(size_t count);

// A UUID of version 7 (RFC 9562), lower case: the time in microseconds, then 62 random bits. Those
// of one process grow, so rows that are made one after the other lie side by side in an index of
// their ids. No secret: for keys and tokens there is random_bytes.
std::string new_id();
// The canonical lower-case form, or "" where the text is no UUID (with or without hyphens).
std::string canonical_id(std::string_view text);

// Naive UTC with microseconds: "2026-11-22T08:16:27.305321". Never goes back within a process: a
// later call gives a later text even when the clock was set back.
std::string now();
int64_t now_us();  // the same as microseconds since 1970
std::string format_time(int64_t unix_us);

}  // namespace attune::domain
