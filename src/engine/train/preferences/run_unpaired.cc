// kto and bco.
#include "base/file.h"
#include "base/log.h"
#include "engine/train/preferences/reference_answers.h"
#include "engine/train/preferences/unpaired_method.h"
#include "engine/train/rows/tree_data.h"
#include "engine/train/run_job.h"
#include "engine/train/sampler.h"

namespace attune::engine::train {
namespace {

// The reference's log-probs of the mismatched pairs of steps, one step behind the other.
Result<MismatchedReference> ask_mismatched(
    ReferenceModel& reference, const ReferenceRequest& request,
    const std::vector<std::vector<models::TokenTree>>& steps) {
  std::vector<const models::TokenTree*> trees;
  std::vector<int64_t> first = {0};
  for (const std::vector<models::TokenTree>& step : steps) {
    for (const models::TokenTree& tree : step) trees.push_back(&tree);
    first.push_back(static_cast<int64_t>(trees.size()));
  }
  if (trees.empty()) {
    return invalid_input(
        "{} data: no step has two different prompts, from which KTO's reference point is "
        "estimated; use larger batches, kl_pairs: blocks, or loss_type: apo_zero_unpaired",
        request.name == "mismatched" ? "training" : "evaluation");
  }
  return MismatchedReference{TRY(reference.log_probs(request, trees)), std::move(first)};
}

// Which rows each step has, and with them its mismatched pairs, is known before the first step.
Status set_mismatched(const protocol::Job& job, TrainingRun& run, UnpairedMethod& method) {
  std::vector<int64_t> lengths;
  for (int64_t row = 0; row < method.row_count(Split::kTrain); ++row) {
    lengths.push_back(method.row_tokens(Split::kTrain, row));
  }
  Sampler sampler(run.batch_of_ranks(), run.options().data_seed, lengths);
  std::vector<std::vector<models::TokenTree>> steps;
  for (int64_t step = 0; step < sampler.total_steps(); ++step) {
    steps.push_back(method.mismatched(Split::kTrain, sampler.rows_of(step).rows, step));
  }
  ReferenceModel reference = TRY(ReferenceModel::open(job, run));
  ReferenceRequest request;
  request.name = "mismatched";
  request.folder = join_path(job.output_dir, "reference");
  request.ranks = &run.ranks();
  request.max_tokens = run.options().batch.max_tokens_per_batch.value_or(request.max_tokens);
  MismatchedReference train = TRY(ask_mismatched(reference, request, steps));
  const EvaluationOptions& evaluation = run.options().evaluation;
  const bool evaluates = evaluation.when != When::kNever || evaluation.on_start;
  std::optional<MismatchedReference> held_out;
  if (evaluates && method.row_count(Split::kEvaluation) > 0) {
    std::vector<int64_t> rows(static_cast<size_t>(method.row_count(Split::kEvaluation)));
    for (size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<int64_t>(i);
    request.name = "mismatched-evaluation";
    const auto pairs = method.mismatched(Split::kEvaluation, rows, 0);
    held_out = TRY(ask_mismatched(reference, request, {pairs}));
  }
  method.set_mismatched(std::move(train), std::move(held_out));
  return {};
}

// A weight of 0 leaves a side out; both, or the only one there is, would leave nothing.
Status check_weights(const UnpairedSetup& setup, const std::vector<TreeRow>& rows) {
  for (const TreeRow& row : rows) {
    const double weight =
        row.label ? setup.loss.desirable_weight : setup.loss.undesirable_weight;
    if (weight != 0) return {};
  }
  return invalid_input(
      "desirable_weight, undesirable_weight: leave all {} completions with the weight 0, and "
      "nothing could be learnt",
      rows.size());
}

// The paper's advice: lambda_D n_D / (lambda_U n_U) between 1 and 3/2.
void warn_about_balance(const UnpairedSetup& setup, const std::vector<TreeRow>& rows) {
  double desirable = 0;
  for (const TreeRow& row : rows) desirable += row.label ? 1 : 0;
  const double undesirable = static_cast<double>(rows.size()) - desirable;
  if (desirable == 0 || undesirable == 0) {
    log_warning("all {} completions are {}desirable: the method learns from the contrast of both",
                rows.size(), desirable == 0 ? "un" : "");
    return;
  }
  const double ratio = setup.loss.desirable_weight * desirable /
                       (setup.loss.undesirable_weight * undesirable);
  if (setup.bco || (ratio >= 1 && ratio <= 1.5)) return;
  log_warning(
      "{} desirable and {} undesirable completions: the KTO paper advises weights with "
      "desirable_weight * {} / (undesirable_weight * {}) between 1 and 1.5; it is {:.2f}",
      desirable, undesirable, desirable, undesirable, ratio);
}

}  // namespace

Status run_unpaired(const protocol::Job& job) {
  UnpairedSetup setup = TRY(read_unpaired_setup(job.recipe, job.config));
  TrainingRun run = TRY(TrainingRun::prepare(job));
  const BatchOptions& batch = run.options().batch;
  setup.max_tokens = batch.max_tokens_per_batch.value_or(setup.max_tokens);
  if (run.config().context > 0 && !setup.mismatched.max_length) {
    setup.mismatched.max_length = run.config().context;
  }
  if (setup.needs_mismatched() && setup.mismatched.by == Mismatching::kBlocks &&
      batch.sampling != Sampling::kSequential) {
    return invalid_input(
        "kl_pairs: blocks pairs neighbours of the data set, which are in one step only under "
        "train_sampling_strategy: sequential");
  }
  TreeRowOptions rows;
  rows.forms = {data::Form::kUnpaired, data::Form::kPreference};
  TreeData data = TRY(load_tree_data(job, run, rows));
  data.train = unpaired_rows(std::move(data.train));
  data.evaluation = unpaired_rows(std::move(data.evaluation));
  TRY(check_weights(setup, data.train));
  warn_about_balance(setup, data.train);
  TRY(run.load_model());
  UnpairedMethod method(run.decoder(),
                        TRY(tree_method_options(job.config, run.decoder(), run.adapters())), setup,
                        std::move(data.train), std::move(data.evaluation));
  ReferenceAnswers answers = TRY(ask_reference(job, run, method));
  method.set_reference(std::move(answers.train), std::move(answers.evaluation));
  if (setup.needs_mismatched()) TRY(set_mismatched(job, run, method));
  return run.train(method);
}

}  // namespace attune::engine::train
