// What a person may do in a workspace: owners everything in all of them, others in those that they
// are members of. Ask before looking further, so that a refusal says nothing of what is there.
#pragma once

#include <string>

#include "server/api/endpoint.h"

namespace attune::api {

// A member or an owner: data sets, settings, own records and answers.
Answer<void> may_read_workspace(const Call& call, const std::string& workspace_id);
// A member who is a reviewer or admin, or an owner: others' answers.
Answer<void> may_review_workspace(const Call& call, const std::string& workspace_id);
// A member who is an admin, or an owner: data sets, settings and records are changed.
Answer<void> may_administer_workspace(const Call& call, const std::string& workspace_id);

// The same inside a read or write that is under way already.
Answer<void> may_read_workspace(SettingsSnapshot& settings, const domain::User& user,
                                const std::string& workspace_id);
Answer<void> may_read_workspace(store::Connection& connection, const domain::User& user,
                                const std::string& workspace_id);
Answer<void> may_review_workspace(store::Connection& connection, const domain::User& user,
                                  const std::string& workspace_id);
Answer<void> may_administer_workspace(store::Connection& connection, const domain::User& user,
                                      const std::string& workspace_id);

}  // namespace attune::api
