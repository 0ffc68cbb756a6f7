// What a preference method measures its policy against: frozen weights, and what they say of the
// run's rows (design §4, losses.md §9).
//
//   ref_model_name_or_path   another model (and its adapter), loaded beside the run's own
//   a new adapter            the base alone
//   an adapter that goes on  a frozen copy of it: SFT with LoRA and then DPO with LoRA starts at
//                            ln 2
//   all weights              the weights that the run starts from
//
// A reference that stays is asked once, before the first step, and the answers are kept in the run
// directory under a hash of the model's files and the rows: a resumed run uses the very same
// numbers, and a method holds no second model while it trains.
//
//   ReferenceModel reference = TRY(ReferenceModel::open(job, run));       after run.load_model()
//   ReferenceLogProbs train = TRY(reference.log_probs({.name = "train", ...}, trees));
//   ... reference.release();  train.sums(rows) ...
//
// Not thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/models/decoder.h"
#include "engine/models/token_tree.h"
#include "engine/train/preferences/reference_log_probs.h"
#include "engine/train/training_run.h"
#include "protocol/job.h"

namespace attune::engine::train {

// The option that names another model as reference.
inline constexpr const char* kReferenceOption = "ref_model_name_or_path";
// The frozen copy of an adapter that goes on training.
inline constexpr const char* kReferenceAdapter = "reference";

struct ReferenceRequest {
  std::string name = "train";   // of the cache, for example
  std::string folder = {};      // of the cache; exists. Empty: no cache
  bool tokens = false;          // also the log-prob of each completion token
  int64_t max_tokens = 2048;    // of one pass
  int64_t chunk_rows = 512;     // rows of logits held at a time
  comm::Communicator* ranks = nullptr;  // share the passes; null: one process
};

class ReferenceModel {
 public:
  // Call it after run.load_model() and before run.train(), while the run's weights are those that
  // it starts from. Errors: a reference model of another vocabulary, or that cannot be read.
  static Result<ReferenceModel> open(const protocol::Job& job, TrainingRun& run);

  // A second set of the run's starting weights that can move (TR-DPO).
  static Result<ReferenceModel> copy_of_start(const protocol::Job& job, TrainingRun& run);

  // For tests and for models that others hold: `decoder` with `stack`, known by `identity`.
  ReferenceModel(models::Decoder& decoder, std::vector<std::string> stack, std::string identity)
      : decoder_(&decoder), stack_(std::move(stack)), identity_(std::move(identity)) {}

  // Of every tree, from the cache or computed and cached. Entries of `trees` may be null: rows that
  // the run never reads. All ranks call it alike. LibTorch's exceptions become errors.
  Result<ReferenceLogProbs> log_probs(const ReferenceRequest& request,
                                      const std::vector<const models::TokenTree*>& trees);

  // The same for one pass, without gradient. LibTorch's exceptions pass through.
  models::BranchLogProbs pass(const models::TreeBatch& batch, int64_t chunk_rows);

  // The trunk in use, to mix weights into it (copy_of_start).
  models::Decoder& decoder() { return *decoder_; }
  const std::vector<std::string>& stack() const { return stack_; }

 private:
  Status compute(const ReferenceRequest& request, comm::Communicator& ranks,
                 const std::vector<const models::TokenTree*>& trees, ReferenceLogProbs* values);
  ReferenceModel(std::unique_ptr<models::Decoder> own, std::vector<std::string> stack,
                 std::string identity)
      : own_(std::move(own)),
        decoder_(own_.get()),
        stack_(std::move(stack)),
        identity_(std::move(identity)) {}

  std::unique_ptr<models::Decoder> own_;  // of another model; null: the run's own trunk
  models::Decoder* decoder_;
  std::vector<std::string> stack_;
  std::string identity_;  // part of the cache's key: hashes of files, stack and precision
};

}  // namespace attune::engine::train
