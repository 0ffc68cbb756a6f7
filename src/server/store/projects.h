// Projects: a group of data sets that serve one purpose, under guidelines of their own.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/domain/dataset.h"
#include "server/domain/project.h"
#include "server/store/database.h"
#include "server/store/guidelines.h"

namespace attune::store {

Result<std::optional<domain::Project>> find_project(Connection& connection, const std::string& id);
// In workspaces of this person, or all; by name where one is given. In the order of making.
struct ProjectFilter {
  std::optional<std::string> workspace_id, name, member_id;
};
Result<std::vector<domain::Project>> list_projects(Connection& connection,
                                                   const ProjectFilter& filter);
// Fills in the position. Errors: kConflict for a name that the workspace has.
Status insert_project(Connection& connection, domain::Project& project);
Status update_project(Connection& connection, const domain::Project& project);
// Its data sets stay, and so do the versions of its guidelines.
Status delete_project(Connection& connection, const domain::Project& project);

struct ProjectDataset {
  domain::Dataset dataset;
  domain::Purpose purpose = domain::Purpose::kOther;
};
Result<std::vector<ProjectDataset>> datasets_of_project(Connection& connection,
                                                        const domain::Project& project);
// Moves it from the project that it was in.
Status put_into_project(Connection& connection, const domain::Project& project,
                        const domain::Dataset& dataset, domain::Purpose purpose);
// Gives whether it was in it.
Result<bool> take_from_project(Connection& connection, const domain::Project& project,
                               const domain::Dataset& dataset);

// As store/guidelines.h does for data sets.
Result<GuidelineVersion> add_project_guidelines(Connection& connection,
                                                const domain::Project& project,
                                                const std::string& text,
                                                const std::string& author_id);
Result<std::vector<GuidelineVersion>> list_project_guidelines(Connection& connection,
                                                              const domain::Project& project);

}  // namespace attune::store
