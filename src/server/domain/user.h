// People and the groups they work in.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace attune::domain {

// owner: everything. admin: datasets, records and settings of own workspaces. reviewer: an
// annotator who also sees others' answers and decides between them. annotator: own answers.
enum class Role { kOwner, kAdmin, kReviewer, kAnnotator };
std::string_view to_string(Role role);
std::optional<Role> role_of(std::string_view name);

// Times are naive UTC with microseconds, "2026-11-22T08:16:27.305321": they sort as text.
struct User {
  std::string id;
  std::string username;
  std::string first_name;
  std::optional<std::string> last_name;
  Role role = Role::kAnnotator;
  std::string inserted_at, updated_at;
};

struct Workspace {
  std::string id;
  std::string name;
  std::string inserted_at, updated_at;
};

}  // namespace attune::domain
