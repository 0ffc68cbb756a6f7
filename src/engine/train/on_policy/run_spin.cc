// attune train spin.
#include <algorithm>

#include "engine/train/on_policy/frozen_policy.h"
#include "engine/train/on_policy/prompt_run.h"
#include "engine/train/on_policy/spin_method.h"
#include "engine/train/run_job.h"
#include "engine/train/sampler.h"
#include "engine/train/training_run.h"

namespace attune::engine::train {
namespace {

// The previous iterate: a frozen adapter on the shared trunk that starts as a copy of the one that
// trains, or a second set of weights.
struct Previous {
  std::optional<ReferenceModel> weights;  // of all weights
  FrozenPolicy policy;
  std::vector<optim::NamedTensor> tensors;
};

std::vector<optim::NamedTensor> named(const std::vector<nn::Parameter>& parameters,
                                      const std::string& prefix) {
  std::vector<optim::NamedTensor> tensors;
  for (const nn::Parameter& parameter : parameters) {
    tensors.push_back({prefix + parameter.name, parameter.tensor});
  }
  return tensors;
}

Result<Previous> open_previous(const protocol::Job& job, TrainingRun& run) {
  Previous previous;
  if (run.adapters().empty()) {
    previous.weights = TRY(ReferenceModel::copy_of_start(job, run));
    previous.policy = frozen(*previous.weights);
    previous.tensors = named(previous.policy.decoder->parameters().all(), "previous.");
    return previous;
  }
  nn::Adapters& adapters = run.decoder().adapters();
  const nn::Adapter* trained = adapters.find(run.adapters().back());
  CHECK(trained != nullptr);
  const weights::LoraConfig config = trained->config;
  TRY(adapters.create(kReferenceAdapter, config, 0));
  adapters.set_trainable(kReferenceAdapter, false);
  previous.policy.decoder = &run.decoder();
  previous.policy.stack = run.adapters();
  previous.policy.stack.back() = kReferenceAdapter;
  previous.tensors = named(adapters.parameters(kReferenceAdapter), "previous.");
  return previous;
}

std::vector<optim::NamedTensor> policy_tensors(TrainingRun& run) {
  if (run.adapters().empty()) return named(run.decoder().parameters().all(), "");
  return named(run.decoder().adapters().parameters(run.adapters().back()), "");
}

// Steps of one iterate: the run's steps in equal parts, the last one may be shorter.
Result<int64_t> steps_per_iterate(const Json& config, const TrainingRun& run,
                                  const std::vector<TreeRow>& rows) {
  const int64_t iterates = TRY(get_int_or(config, "iterates", 3));
  std::vector<int64_t> lengths;
  for (const TreeRow& row : rows) lengths.push_back(row.tokens());
  Sampler sampler(run.batch_of_ranks(), run.options().data_seed, std::move(lengths));
  const int64_t steps = sampler.total_steps();
  if (iterates > steps) {
    return invalid_input("iterates: {} are more than the run's {} steps; raise num_train_epochs or "
                         "max_steps",
                         iterates, steps);
  }
  return (steps + iterates - 1) / iterates;
}

Result<SpinSetup> read_setup(const Json& config, const TrainingOptions& options) {
  SpinSetup setup;
  setup.rollout = TRY(read_sampling(config, options));
  setup.rollout.samples = 1;
  setup.rollout.response_length = TRY(get_int_or(config, "max_new_tokens", 256));
  setup.loss.loss.beta = TRY(get_double_or(config, "beta", 0.1));
  if (setup.loss.loss.beta <= 0) {
    return invalid_input("beta: is {}; give more than 0", setup.loss.loss.beta);
  }
  return setup;
}

}  // namespace

Status run_spin(const protocol::Job& job) {
  TrainingRun run = TRY(TrainingRun::prepare(job));
  SpinSetup setup = TRY(read_setup(job.config, run.options()));
  TreeRowOptions wanted;
  wanted.forms = {data::Form::kCompletion, data::Form::kMessages};
  const int64_t context = run.config().context;
  wanted.accept = [context](const TreeRow& row) -> data::RowStatus {
    const auto prompt = static_cast<int64_t>(row.tree.prompt.size());
    if (prompt == 0)
      return data::refuse_row(data::kNoPrompt, "has no prompt that could be answered");
    if (context > 0 && prompt >= context) {
      return data::refuse_row(
          data::kPromptFillsContext,
          "its prompt of {} tokens leaves no room for an answer in the context of {}", prompt,
          context);
    }
    return {};
  };
  TreeData rows = TRY(load_tree_data(job, run, wanted));
  setup.steps_per_iterate = TRY(steps_per_iterate(job.config, run, rows.train));
  TRY(run.load_model());
  Previous previous = TRY(open_previous(job, run));
  setup.previous = previous.policy;
  setup.previous_tensors = previous.tensors;
  setup.policy_tensors = policy_tensors(run);
  setup.loss.adapters = run.adapters();
  setup.rollout.adapters = previous.policy.stack;
  setup.rollout.stop_ids = run.stop_ids();
  setup.run_directory = job.output_dir;
  SpinMethod method(run.decoder(), run.text().tokenizer, std::move(setup), std::move(rows));
  return run.train(method);
}

}  // namespace attune::engine::train
