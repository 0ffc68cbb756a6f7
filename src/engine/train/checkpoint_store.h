// The folder checkpoints/ of a run: step-N/, each written under a temporary name and renamed when
// it is complete, so that a killed run leaves only whole ones. state.json, written last, lists
// every other file with its size and SHA-256; what does not fit is passed over when a run resumes.
//
//   checkpoints/step-40/parameters.safetensors   what trains (all weights, or the adapter)
//                       optimizer.safetensors    absent under save_only_model
//                       state.json               {"format", "version", "step", "files", "state"}
//
// Knows nothing of tensors. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace attune::engine::train {

struct StoredCheckpoint {
  int64_t step = 0;
  std::string folder;
  Json state;  // the trainer's
  bool has_optimizer = false;
};

class CheckpointStore {
 public:
  explicit CheckpointStore(std::string run_directory);

  // Makes step-N: `write_files` puts files into the (temporary) folder it is given. An existing
  // step-N is replaced.
  Status save(int64_t step, const Json& state,
              const std::function<Status(const std::string& folder)>& write_files);

  // One checkpoint, checked whole.
  static Result<StoredCheckpoint> open(const std::string& folder);

  // The newest that is whole and can be resumed; nothing when there is none. One warning is logged
  // when newer ones had to be passed over.
  Result<std::optional<StoredCheckpoint>> newest() const;

  // Removes the oldest until at most `limit` are left, never `keep_step`; and temporary folders.
  Status prune(std::optional<int64_t> limit, std::optional<int64_t> keep_step) const;

  std::vector<int64_t> steps() const;  // ascending
  std::string folder_of(int64_t step) const;

 private:
  std::string root_;
};

}  // namespace attune::engine::train
