// What a run of any method has around its Trainer: the run directory and where to go on in it,
// device, tokenizer and template, the model in the right precision, the plan, sample answers, and
// final/ at the end. A method's own part (run_sft.cc) reads its rows and makes its Method.
//
//   TrainingRun run = TRY(TrainingRun::prepare(job));   nothing heavy yet: options, names, formats
//   ... rows, from run.text() and run.config() ...
//   TRY(run.load_model());
//   SftMethod method(run.decoder(), run.adapters(), ...);
//   return run.train(method);
//
// Not thread-safe; sets the process's threads and signal handlers.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/comm/communicator.h"
#include "engine/models/decoder_config.h"
#include "engine/train/checkpoint_store.h"
#include "engine/train/method.h"
#include "engine/train/model_output.h"
#include "engine/train/plan.h"
#include "engine/train/run_text.h"
#include "engine/train/sampler.h"
#include "engine/train/training_model.h"
#include "engine/train/training_options.h"
#include "protocol/job.h"
#include "weights/model_files.h"

namespace attune::engine::train {

class TrainingRun {
 public:
  // Errors name the option, the file or the run that is in the way.
  static Result<TrainingRun> prepare(const protocol::Job& job);

  const TrainingOptions& options() const { return options_; }
  const RunText& text() const { return text_; }
  const models::DecoderConfig& config() const { return config_; }
  std::vector<int32_t> stop_ids() const { return train::stop_ids(text_, files_); }

  // The processes of the run (comm/), and the batch that all of them share.
  comm::Communicator& ranks() { return *ranks_; }
  BatchOptions batch_of_ranks() const {
    return train::batch_of_ranks(options_.batch, ranks_->size());
  }

  Status load_model(ModelRole role = ModelRole::kLanguageModel);
  const weights::ModelFiles& files() const { return files_; }
  models::Decoder& decoder() { return *model_.decoder; }            // after load_model()
  const std::vector<std::string>& adapters() const { return model_.adapters; }
  const std::vector<optim::NamedTensor>& parameters() const { return model_.parameters; }
  const std::string& dtype() const { return model_.dtype; }  // of the weights
  at::Device device() const { return device_; }              // of the model, and of those beside it

  // Rows of a step where they are not what per_device_train_batch_size counts (answers).
  void set_rows_per_step(int64_t rows) {
    options_.batch.rows_per_batch = rows;
    options_.batch.accumulation = 1;
  }

  // Trains to the end and writes final/, with what `finish` adds to it. kCancelled when a signal
  // stopped it (a checkpoint was written).
  Status train(Method& method, const FolderFinish& finish = {});

 private:
  TrainingRun(std::unique_ptr<comm::Communicator> ranks, at::Device device, protocol::Job job,
              TrainingOptions options, std::optional<StoredCheckpoint> resume,
              std::optional<Plan> planned, weights::ModelFiles files, RunText text,
              models::DecoderConfig config)
      : ranks_(std::move(ranks)),
        device_(device),
        job_(std::move(job)),
        options_(std::move(options)),
        resume_(std::move(resume)),
        planned_(std::move(planned)),
        files_(std::move(files)),
        text_(std::move(text)),
        config_(std::move(config)) {}
  Status save_final(const FolderFinish& finish);
  Result<Plan> common_plan(Method& method);
  void agree_on_products();

  std::unique_ptr<comm::Communicator> ranks_;
  at::Device device_;
  protocol::Job job_;
  TrainingOptions options_;
  std::optional<StoredCheckpoint> resume_;
  std::optional<Plan> planned_;  // of the run that goes on
  weights::ModelFiles files_;
  RunText text_;
  models::DecoderConfig config_;
  TrainingModel model_;
  int threads_ = 1;
};

}  // namespace attune::engine::train
