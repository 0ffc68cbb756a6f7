// From what people wrote (YAML, flags) to the full configuration of a run, or to one error that
// names the key, what was wrong and the nearest known name.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "recipes/option.h"

namespace attune::recipes {

// One value that somebody set: `where` says how to name the place in errors ("config.yaml:12" or
// "--learning_rate"). Values may be JSON of the right type or text that reads as it ("2e-5",
// "true", "q_proj,v_proj"): YAML and flags both give text.
struct Setting {
  std::string name;  // dashes are accepted for underscores
  Json value;
  std::string where;
};

struct Resolved {
  Json config;                        // every option that is used, by name, defaults filled in
  std::vector<std::string> warnings;  // one line each: settings that have no effect here
  std::set<std::string> written;      // of `config`: what somebody set, if to its default
};

// Later settings win; those of a preset come before all others. Errors are kUsage.
Result<Resolved> resolve(const Recipe& recipe, const std::vector<Setting>& settings);

// Reads one value as the option's type. null and "none" mean "not set" where the default is null.
Result<Json> coerce(const Option& option, const Json& value);

// The options as a help text for terminals (used ones only), and as the Markdown page of
// docs/recipes.
std::string to_help(const Recipe& recipe);
std::string to_markdown(const Recipe& recipe);

}  // namespace attune::recipes
