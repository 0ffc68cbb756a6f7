// Models and data sets from a hub that speaks the Hugging Face protocol: HF_ENDPOINT (or
// ATTUNE_HUB_ENDPOINT) names the server, HF_TOKEN authorises, HF_HOME/HF_HUB_CACHE the cache. The
// cache has the layout of `huggingface_hub`, so that both share downloads:
//
//   <cache>/models--owner--name/refs/main            commit
//   <cache>/models--owner--name/blobs/<etag>         contents
//   <cache>/models--owner--name/snapshots/<commit>/  links to blobs
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace attune::cli {

enum class HubKind { kModel, kDataset };

struct HubRequest {
  HubKind kind = HubKind::kModel;
  std::string name;               // owner/name, or owner/name@revision
  std::string revision = "main";  // branch, tag or commit; @revision in the name wins
};

// Whether a text reads as owner/name[@revision] (letters, digits, `-_.`).
bool is_hub_name(std::string_view text);

// Downloads what is missing of a repository (for models: configuration, tokenizer, template,
// safetensors or GGUF; for data sets: JSON, JSON lines, CSV) and returns the snapshot's folder.
// Parts of earlier transfers are resumed; size and hash are checked before a file gets its name.
// With HF_HUB_OFFLINE=1, or when the server cannot be reached, a complete cached snapshot is used.
// Errors: 401/403 (set HF_TOKEN), 404 (name or revision), truncated transfer, wrong hash.
Result<std::string> download_snapshot(const HubRequest& request);

}  // namespace attune::cli
