#include "base/log.h"

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <string_view>

namespace attune {
namespace {

LogLevel level_from_environment() {
  const char* name = std::getenv("ATTUNE_LOG");
  std::string_view wanted = name == nullptr ? "" : name;
  if (wanted == "debug") return LogLevel::kDebug;
  if (wanted == "warning") return LogLevel::kWarning;
  if (wanted == "error") return LogLevel::kError;
  if (wanted == "silent") return LogLevel::kSilent;
  return LogLevel::kInfo;
}

std::atomic<LogLevel>& current_level() {
  static std::atomic<LogLevel> level{level_from_environment()};
  return level;
}

const char* prefix(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "attune: debug: ";
    case LogLevel::kWarning:
      return "attune: warning: ";
    case LogLevel::kError:
      return "attune: error: ";
    default:
      return "attune: ";
  }
}

// Bytes of the UTF-8 character at `at`, 0 when there is none.
size_t character_bytes(std::string_view text, size_t at) {
  auto lead = static_cast<unsigned char>(text[at]);
  size_t size = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (lead > 0xf4 || size > text.size() - at) return 0;
  for (size_t i = 1; i < size; ++i) {
    if ((static_cast<unsigned char>(text[at + i]) & 0xc0) != 0x80) return 0;
  }
  return size;
}

// Names in errors come from strangers' files: what would steer a terminal, or is no text, is shown
// as \x1b.
std::string printable(std::string_view text) {
  std::string shown;
  for (size_t at = 0; at < text.size();) {
    size_t size = character_bytes(text, at);
    auto byte = static_cast<unsigned char>(text[at]);
    bool control = (byte < 32 && byte != '\n' && byte != '\t') || byte == 127;
    if (size == 0 || control) {
      shown += fmt::format("\\x{:02x}", byte);
      ++at;
      continue;
    }
    shown += text.substr(at, size);
    at += size;
  }
  return shown;
}

}  // namespace

void set_log_level(LogLevel level) {
  current_level() = level;
}
LogLevel log_level() {
  return current_level();
}

void log_line(LogLevel level, const std::string& text) {
  if (level < log_level()) return;
  // One write per line, so that lines of several threads and processes do not mix.
  std::string line = prefix(level) + printable(text) + "\n";
  [[maybe_unused]] ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace attune
