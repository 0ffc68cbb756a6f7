#include "engine/train/preferences/preference_method.h"
#include "engine/train/preferences/reference_answers.h"
#include "engine/train/rows/joint_rows.h"
#include "engine/train/rows/tree_data.h"
#include "engine/train/run_job.h"

namespace attune::engine::train {

// DOVE is DPO's loss on joint log-probs: -log s(beta u_w - beta u_l), where u counts the prompt's
// tokens as well (objectives/unpaired.h, dove_losses).
Status run_dove(const protocol::Job& job) {
  PreferenceSetup setup;
  setup.loss.beta = TRY(get_double_or(job.config, "beta", 0.1));
  TRY(objectives::check_preference_options(setup.loss));
  TrainingRun run = TRY(TrainingRun::prepare(job));
  setup.max_tokens = run.options().batch.max_tokens_per_batch.value_or(setup.max_tokens);
  TreeRowOptions rows;
  rows.forms = {data::Form::kJointPreference, data::Form::kPreference};
  TreeData data = TRY(load_tree_data(job, run, rows));
  for (std::vector<TreeRow>* split : {&data.train, &data.evaluation}) {
    for (TreeRow& row : *split) row = joint_row(std::move(row));
  }
  TRY(run.load_model());
  PreferenceMethod method(run.decoder(),
                          TRY(tree_method_options(job.config, run.decoder(), run.adapters())),
                          setup, std::move(data.train), std::move(data.evaluation));
  ReferenceAnswers answers = TRY(ask_reference(job, run, method));
  method.set_reference(std::move(answers.train), std::move(answers.evaluation));
  return run.train(method);
}

}  // namespace attune::engine::train
