// Configuration files: YAML whose top level is a mapping of options.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "recipes/resolve.h"

namespace attune::cli {

// One setting per key, with "path:line" for errors. Scalars stay text (the option's type decides
// what they mean: YAML 1.1 would read 2e-5 as a string and `no` as false). A duplicate key, a file
// of another shape, bytes that are no UTF-8, or more than kYamlNodesMax values (aliases that
// multiply each other) is an error.
inline constexpr size_t kYamlFileBytesMax = 16u << 20;
inline constexpr int kYamlNodesMax = 100'000;
Result<std::vector<recipes::Setting>> read_yaml_settings(const std::string& path);

// The same over bytes in memory; `name` stands in for the path in errors.
Result<std::vector<recipes::Setting>> parse_yaml_settings(const std::string& bytes,
                                                          const std::string& name);

// The configuration as YAML text, keys sorted, for `config.yaml` of a run.
std::string to_yaml(const Json& config);

}  // namespace attune::cli
