#include "base/file.h"
#include "engine/train/preferences/preference_setup.h"
#include "engine/train/preferences/reference_answers.h"
#include "engine/train/rows/tree_data.h"
#include "engine/train/run_job.h"

namespace attune::engine::train {

Status run_dpo(const protocol::Job& job) {
  PreferenceSetup setup = TRY(read_preference_setup(job.config));
  const auto moves = TRY(read_reference_moves(job.config));
  TrainingRun run = TRY(TrainingRun::prepare(job));
  setup.max_tokens = run.options().batch.max_tokens_per_batch.value_or(setup.max_tokens);
  TreeRowOptions rows;
  rows.forms = {data::Form::kPreference, data::Form::kRanking};
  rows.ties = setup.pairs.ties;
  TreeData data = TRY(load_tree_data(job, run, rows));
  TRY(check_rows(setup, data.train));
  TRY(check_order(setup, data.train));
  TRY(check_rows(setup, data.evaluation));
  TRY(run.load_model());
  PreferenceMethod method(run.decoder(),
                          TRY(tree_method_options(job.config, run.decoder(), run.adapters())),
                          setup, std::move(data.train), std::move(data.evaluation));
  if (moves) {
    method.set_reference(MovingReference{TRY(ReferenceModel::copy_of_start(job, run)),
                                         moves->alpha, moves->steps});
  } else if (!setup.reference_free) {
    ReferenceAnswers answers =
        TRY(ask_reference(job, run, method, method.needs_reference_tokens()));
    method.set_reference(std::move(answers.train), std::move(answers.evaluation));
  }
  return run.train(method);
}

}  // namespace attune::engine::train
