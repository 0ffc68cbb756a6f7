// Finds stop strings in text that arrives in pieces, also across their borders, and holds back what
// could still become one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace attune::engine::generate {

// Not thread-safe. After stopped() everything pushed is dropped.
class StopText {
 public:
  explicit StopText(std::vector<std::string> stop_strings);  // empty strings are passed over

  // The text that may be shown now: everything up to a stop string, less a tail that one could
  // begin with.
  std::string push(std::string_view piece);
  std::string finish();  // what was held back; ends the text

  bool stopped() const { return stopped_; }

 private:
  std::vector<std::string> stop_strings_;
  std::string pending_;
  bool stopped_ = false;
};

}  // namespace attune::engine::generate
