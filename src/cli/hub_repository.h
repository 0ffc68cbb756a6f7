// Names and places of a hub's repository: its addresses at the server and its folder in the cache.
// The cache has the layout of `huggingface_hub`:
//
//   <cache>/models--owner--name/refs/main            commit
//   <cache>/models--owner--name/blobs/<hash>         contents; <hash>.incomplete while they come
//   <cache>/models--owner--name/snapshots/<commit>/  links to blobs
//   <cache>/.locks/models--owner--name/<hash>.lock   held by the process that downloads the blob
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/hub.h"

namespace attune::cli {

struct Repository {
  std::string name;  // owner/name
  std::string revision;
  HubKind kind = HubKind::kModel;
  std::string endpoint;  // without a slash at its end
  std::string cache;

  std::string api_url() const;
  std::string file_url(const std::string& commit, const std::string& file) const;
  std::string folder() const;
  std::string snapshot(const std::string& commit) const;
  std::string blob(const std::string& hash) const;
  std::string lock(const std::string& hash) const;
  std::string ref() const;
  std::string shown() const { return name + "@" + revision; }
};

// From the request and HF_ENDPOINT, HF_HUB_CACHE, HF_HOME. kUsage for a revision that is no name of
// a branch, tag or commit.
Result<Repository> repository_of(const HubRequest& request);

// HF_TOKEN, else the file that `hf auth login` leaves (HF_TOKEN_PATH, token in HF_HOME), else "".
std::string hub_token();

// Whether a file name of the server's list may become a path below the snapshot.
bool is_safe_file_name(const std::string& name);

// Those of a repository's files that Attune reads.
std::vector<std::string> wanted_files(HubKind kind, const std::vector<std::string>& all);

// The error for an answer of 400 and above.
Error refused(const Repository& repository, const std::string& url, int status);

}  // namespace attune::cli
