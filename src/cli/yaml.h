// Configuration files: YAML whose top level is a mapping of options.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "recipes/resolve.h"

namespace attune::cli {

// One setting per key, with "path:line" for errors. Scalars stay text (the option's type decides
// what they mean: YAML 1.1 would read 2e-5 as a string and `no` as false). A duplicate key, an
// anchor loop or a file of another shape is an error.
Result<std::vector<recipes::Setting>> read_yaml_settings(const std::string& path);

// The configuration as YAML text, keys sorted, for `config.yaml` of a run.
std::string to_yaml(const Json& config);

}  // namespace attune::cli
