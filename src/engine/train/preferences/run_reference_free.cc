// orpo, cpo and simpo.
#include "engine/train/preferences/reference_free_method.h"
#include "engine/train/rows/tree_data.h"
#include "engine/train/run_job.h"

namespace attune::engine::train {
namespace {

// A soft label says that the rejected answer may be the better one; these losses have no such term.
data::RowStatus accept(const TreeRow& row) {
  if (row.chosen_probability && *row.chosen_probability != 1.0) {
    return data::refuse_row(
        data::kSoftLabel,
        "its chosen_probability of {} is a soft label, which this method does not take; leave the "
        "column out, or set label_smoothing",
        *row.chosen_probability);
  }
  return {};
}

}  // namespace

Status run_reference_free(const protocol::Job& job) {
  const ReferenceFreeSetup setup = TRY(read_reference_free_setup(job.recipe, job.config));
  if (setup.pairs.ties == feedback::TieRule::kHalf) {
    return invalid_input("ranking_ties: half makes soft labels, which {} does not take; use skip",
                         job.recipe);
  }
  TrainingRun run = TRY(TrainingRun::prepare(job));
  TreeRowOptions rows;
  rows.forms = {data::Form::kPreference, data::Form::kRanking};
  rows.ties = setup.pairs.ties;
  rows.accept = accept;
  TreeData data = TRY(load_tree_data(job, run, rows));
  TRY(run.load_model());
  ReferenceFreeMethod method(run.decoder(),
                             TRY(tree_method_options(job.config, run.decoder(), run.adapters())),
                             setup, std::move(data.train), std::move(data.evaluation));
  return run.train(method);
}

}  // namespace attune::engine::train
