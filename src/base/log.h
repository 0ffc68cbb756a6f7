// Plain log lines on standard error: "attune: text", one event a line. Data goes to standard output
// or to files; nothing that a program reads is ever logged. Thread-safe.
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>

namespace attune {

enum class LogLevel { kDebug, kInfo, kWarning, kError, kSilent };

// Lines below `level` are dropped; the default is kInfo. ATTUNE_LOG=debug|info|warning|error|silent
// sets it at start-up.
void set_log_level(LogLevel level);
LogLevel log_level();

// Writes one line; used through the functions below.
void log_line(LogLevel level, const std::string& text);

template <typename... Args>
void log_debug(fmt::format_string<Args...> format, Args&&... args) {
  if (log_level() <= LogLevel::kDebug) {
    log_line(LogLevel::kDebug, fmt::format(format, std::forward<Args>(args)...));
  }
}
template <typename... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::kInfo, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::kWarning, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void log_error(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::kError, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace attune
