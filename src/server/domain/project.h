// A project: what a team carries round the loop. Its data sets have purposes in it, its guidelines
// are those of all of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace attune::domain {

struct Project {
  std::string id, name, workspace_id;
  std::optional<std::string> description;
  std::string inserted_at, updated_at;
  int64_t position = 0;
};

// What a data set is for: instruction examples, preferences, a comparison of checkpoints, or
// prompts to sample from.
enum class Purpose { kInstructions, kPreferences, kEvaluation, kPrompts, kOther };
std::string_view to_string(Purpose purpose);
std::optional<Purpose> purpose_of(std::string_view name);
const std::vector<std::string>& purpose_names();

}  // namespace attune::domain
