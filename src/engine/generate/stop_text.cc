#include "engine/generate/stop_text.h"

#include <algorithm>
#include <utility>

namespace attune::engine::generate {
namespace {

// Length of the longest end of `text` that `stop` begins with.
size_t overlap(std::string_view text, std::string_view stop) {
  for (size_t length = std::min(text.size(), stop.size() - 1); length > 0; --length) {
    if (text.ends_with(stop.substr(0, length))) return length;
  }
  return 0;
}

}  // namespace

StopText::StopText(std::vector<std::string> stop_strings) : stop_strings_(std::move(stop_strings)) {
  std::erase(stop_strings_, std::string());
}

std::string StopText::push(std::string_view piece) {
  if (stopped_) return {};
  pending_ += piece;
  size_t held = 0;
  size_t found = std::string::npos;
  for (const std::string& stop : stop_strings_) {
    found = std::min(found, pending_.find(stop));
    held = std::max(held, overlap(pending_, stop));
  }
  stopped_ = found != std::string::npos;
  const size_t shown = stopped_ ? found : pending_.size() - held;
  std::string text = pending_.substr(0, shown);
  pending_.erase(0, stopped_ ? pending_.size() : shown);
  return text;
}

std::string StopText::finish() {
  return std::exchange(pending_, {});
}

}  // namespace attune::engine::generate
