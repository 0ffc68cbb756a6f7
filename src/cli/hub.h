// Models and data sets from a hub that speaks the Hugging Face protocol. HF_ENDPOINT names the
// server; HF_TOKEN, or the file that `hf auth login` leaves, authorises; HF_HUB_CACHE or HF_HOME
// names the cache, which is shared with `huggingface_hub` (cli/hub_repository.h has its layout).
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
// safetensors or GGUF; for data sets: JSON, JSON lines, CSV, Parquet) and returns the snapshot's
// folder.
// Parts of earlier transfers are continued; the hash is checked before a file gets its name.
// With HF_HUB_OFFLINE=1, or when the server cannot be reached, a complete cached snapshot is used.
// Errors: 401/403 (set HF_TOKEN), 404 (name or revision), truncated transfer, wrong hash, a full
// disk; a revision that is no name (kUsage).
Result<std::string> download_snapshot(const HubRequest& request);

}  // namespace attune::cli
