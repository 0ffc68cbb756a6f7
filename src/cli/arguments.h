// The command line as typed, before anybody checks names: flags with their values, and the rest.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "recipes/resolve.h"

namespace attune::cli {

// `--name value`, `--name=value`, `--name` (true) and `--name a b c` (a list); dashes in names are
// accepted for underscores; `-h` is `--help`. Words before the first flag, and after `--`, are
// positional. A negative number is a value, not a flag.
struct Arguments {
  std::vector<std::string> positional;
  std::vector<recipes::Setting> flags;  // one word: a string; several: a list

  // Takes a flag out of the list (the last one wins); nothing when it was not given.
  std::optional<std::string> take(const std::string& name);
  bool take_switch(const std::string& name);  // --name, --name true; --name false is false
};

// Errors (kUsage) name the word.
Result<Arguments> parse_arguments(const std::vector<std::string>& words);

// For commands without a recipe of their own: checks flags against a table. A word that belongs to
// no flag is an error.
Result<Json> resolve_flags(const recipes::Recipe& table, const Arguments& arguments);

}  // namespace attune::cli
