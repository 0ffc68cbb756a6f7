// People and workspaces as the contract writes them.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "server/api/endpoint.h"
#include "server/domain/user.h"

namespace attune::api {

// `api_key` is a text in the contract; ours are stored as hashes, so it is the key that came with
// the request where the user is the caller, the new key once when a user is made, and "" otherwise.
// The contract knows no reviewers: they are annotators there, and "attune_role" says the truth.
OrderedJson user_json(const domain::User& user, const std::string& api_key);
// With the key where the user is the caller.
OrderedJson user_json(const domain::User& user, const Call& call);
OrderedJson users_json(const std::vector<domain::User>& users, const Call& call);
// As the 1.x client reads it: full_name, names of workspaces, no last_name where there is none.
OrderedJson user_json_v0(const domain::User& user, const std::vector<std::string>& workspaces,
                         const std::string& api_key);

OrderedJson workspace_json(const domain::Workspace& workspace);
OrderedJson workspaces_json(const std::vector<domain::Workspace>& workspaces);

// "" or the key that the caller presented, where the user is the caller.
std::string own_key(const domain::User& user, const Call& call);

}  // namespace attune::api
