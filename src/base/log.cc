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
  std::string line = prefix(level) + text + "\n";
  [[maybe_unused]] ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace attune
