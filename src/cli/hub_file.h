// One file of a hub's repository, from the server into the cache.
#pragma once

#include <string>

#include "base/result.h"
#include "cli/http_client.h"
#include "cli/hub_repository.h"

namespace attune::cli {

// Brings a file into blobs/ and links it into the snapshot of `commit`; does nothing when it is
// there. A transfer that broke off is continued. Contents get their name only when their hash is
// the one that the hub announces (SHA-256 of large files, Git's blob name of others); wrong ones
// are thrown away. Processes that want the same file wait for each other.
Status fetch_hub_file(HttpClient& http, const Repository& repository, const std::string& commit,
                      const std::string& name);

}  // namespace attune::cli
