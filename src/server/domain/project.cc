#include "server/domain/project.h"

#include <algorithm>

namespace attune::domain {

const std::vector<std::string>& purpose_names() {
  static const std::vector<std::string> names = {"instructions", "preferences", "evaluation",
                                                 "prompts", "other"};
  return names;
}

std::string_view to_string(Purpose purpose) {
  return purpose_names()[static_cast<size_t>(purpose)];
}

std::optional<Purpose> purpose_of(std::string_view name) {
  const auto& names = purpose_names();
  auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Purpose>(found - names.begin());
}

}  // namespace attune::domain
