#include "server/domain/identity.h"

#include <fmt/format.h>
#include <sys/random.h>
#include <time.h>

#include <cerrno>

#include <array>
#include <atomic>

#include "base/check.h"

namespace attune::domain {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr size_t kIdBytes = 16;

bool hyphen_before(size_t byte) {
  return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

int hex_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

std::string id_text(const std::array<unsigned char, kIdBytes>& bytes) {
  std::string text;
  text.reserve(36);
  for (size_t i = 0; i < kIdBytes; ++i) {
    if (hyphen_before(i)) text += '-';
    text += kHexDigits[bytes[i] >> 4];
    text += kHexDigits[bytes[i] & 15];
  }
  return text;
}

}  // namespace

std::string random_bytes(size_t count) {
  std::string bytes(count, '\0');
  size_t filled = 0;
  while (filled < count) {
    ssize_t got = getrandom(bytes.data() + filled, count - filled, 0);
    if (got > 0) filled += static_cast<size_t>(got);
    // Only a signal can come between: the pool is ready long before a server starts.
    CHECK(got > 0 || errno == EINTR, "the system's random numbers do not answer");
  }
  return bytes;
}

std::string new_id() {
  const int64_t at_us = now_us();
  const auto millis = static_cast<uint64_t>(at_us / 1000);
  // The part of the millisecond in 12 bits (RFC 9562, 6.2, method 3): 4 for each microsecond, and
  // no two calls of now_us give the same one.
  const auto part = static_cast<uint64_t>(at_us % 1000) * 4;
  const uint64_t time = millis << 16 | uint64_t{7} << 12 | part;
  const std::string random = random_bytes(kIdBytes / 2);
  std::array<unsigned char, kIdBytes> bytes;
  for (size_t i = 0; i < 8; ++i) bytes[i] = static_cast<unsigned char>(time >> (56 - 8 * i));
  for (size_t i = 8; i < kIdBytes; ++i) bytes[i] = static_cast<unsigned char>(random[i - 8]);
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3f) | 0x80);  // variant of RFC 9562
  return id_text(bytes);
}

std::string canonical_id(std::string_view text) {
  const bool hyphens = text.size() == 36;
  if (!hyphens && text.size() != 32) return "";
  std::array<unsigned char, kIdBytes> bytes;
  size_t at = 0;
  for (size_t i = 0; i < kIdBytes; ++i) {
    if (hyphens && hyphen_before(i) && text[at++] != '-') return "";
    const int high = hex_value(text[at]), low = hex_value(text[at + 1]);
    if (high < 0 || low < 0) return "";
    bytes[i] = static_cast<unsigned char>(high * 16 + low);
    at += 2;
  }
  return id_text(bytes);
}

std::string format_time(int64_t unix_us) {
  int64_t seconds = unix_us / 1'000'000, micros = unix_us % 1'000'000;
  if (micros < 0) {
    micros += 1'000'000;
    --seconds;
  }
  const time_t whole = seconds;
  tm parts{};
  CHECK(gmtime_r(&whole, &parts) != nullptr, "a time that no calendar holds: {}", unix_us);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}", parts.tm_year + 1900,
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                     micros);
}

int64_t now_us() {
  static std::atomic<int64_t> last{0};
  timespec clock{};
  clock_gettime(CLOCK_REALTIME, &clock);
  int64_t time = clock.tv_sec * int64_t{1'000'000} + clock.tv_nsec / 1000;
  int64_t before = last.load();
  do {
    if (time <= before) time = before + 1;
  } while (!last.compare_exchange_weak(before, time));
  return time;
}

std::string now() {
  return format_time(now_us());
}

}  // namespace attune::domain
