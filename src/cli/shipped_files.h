// Files of the source tree that commands read: examples and marker sets.
#pragma once

#include <string>

namespace attune::cli {

// A file or folder by its path in the tree, looked for from the current directory and from the
// tree that holds build/<preset>/bin/attune; "" when it is in neither.
std::string shipped_path(const std::string& relative);

}  // namespace attune::cli
