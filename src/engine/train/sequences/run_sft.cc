#include "base/file.h"
#include "base/json_file.h"
#include "engine/train/lineage.h"
#include "engine/train/rows/sft_data.h"
#include "engine/train/run_job.h"
#include "engine/train/sequences/sft_method.h"
#include "engine/train/training_run.h"

namespace attune::engine::train {
namespace {

Result<SftLoss> read_loss(const Json& config) {
  const std::string name = TRY(get_string_or(config, "loss_type", "nll"));
  if (name == "nll" || name == "chunked_nll") return SftLoss::kNll;
  if (name == "dft") return SftLoss::kDft;
  return invalid_input("loss_type: {} is unknown; use nll, chunked_nll or dft", name);
}

}  // namespace

Status run_sft(const protocol::Job& job) {
  const SftLoss loss = TRY(read_loss(job.config));
  TrainingRun run = TRY(TrainingRun::prepare(job));
  SftData data;
  const ModelLimits limits{run.config().vocabulary, run.config().context};
  const Status loaded = load_sft_data(job, run.text(), limits, run.options(), &data);
  // Also when too many rows cannot be used: it says which.
  TRY(write_json_file(join_path(job.output_dir, "data_report.json"), data.report()));
  TRY(loaded);
  TRY(write_lineage(job, data.train_report.guidelines()));
  TRY(run.load_model());
  SftMethod method(run.decoder(), run.adapters(), loss, std::move(data.train),
                   std::move(data.evaluation));
  return run.train(method);
}

}  // namespace attune::engine::train
