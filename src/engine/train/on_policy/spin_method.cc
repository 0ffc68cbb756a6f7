#include "engine/train/on_policy/spin_method.h"

#include <c10/core/GradMode.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/check.h"
#include "base/file.h"
#include "base/json_file.h"
#include "base/log.h"
#include "base/sha256.h"
#include "engine/train/packing.h"

namespace attune::engine::train {
namespace {

constexpr const char* kIteratesFile = "iterates.json";
// Answers of evaluations are always the same draw.
constexpr int64_t kEvaluationStep = std::numeric_limits<int64_t>::max();

std::vector<PromptRow> prompts_of(const std::vector<TreeRow>& rows) {
  std::vector<PromptRow> prompts;
  for (const TreeRow& row : rows) {
    PromptRow prompt;
    prompt.ids = row.tree.prompt;
    prompt.name = row.name;
    prompts.push_back(std::move(prompt));
  }
  return prompts;
}

std::string hash_of(const std::vector<optim::NamedTensor>& tensors) {
  Sha256 hash;
  for (const optim::NamedTensor& one : tensors) {
    hash.update(one.name.data(), one.name.size());
    const Tensor dense = one.tensor.detach().to(at::kCPU).contiguous();
    hash.update(dense.const_data_ptr(), dense.nbytes());
  }
  return hash.hex();
}

std::string name_of(const TreeRow& row) {
  return fmt::format("{} row {}", row.name.file, row.name.number);
}

}  // namespace

SpinMethod::SpinMethod(models::Decoder& decoder, const text::Tokenizer& tokenizer, SpinSetup setup,
                       TreeData rows)
    : SampledPairMethod(decoder, setup.loss),
      tokenizer_(tokenizer),
      setup_(std::move(setup)),
      rows_(std::move(rows)),
      train_prompts_(prompts_of(rows_.train)),
      evaluation_prompts_(prompts_of(rows_.evaluation)) {
  CHECK(setup_.policy_tensors.size() == setup_.previous_tensors.size());
}

int64_t SpinMethod::row_count(Split split) const {
  if (split == Split::kRollout) return pair_count();
  return static_cast<int64_t>((split == Split::kTrain ? rows_.train : rows_.evaluation).size());
}

int64_t SpinMethod::row_tokens(Split split, int64_t row) const {
  if (split == Split::kRollout) return pair(row).sides.tree.tokens();
  const auto& rows = split == Split::kTrain ? rows_.train : rows_.evaluation;
  return rows[static_cast<size_t>(row)].tokens() + setup_.rollout.response_length;
}

std::string SpinMethod::row_name(Split split, int64_t row) const {
  if (split == Split::kRollout) return pair(row).name;
  const auto& rows = split == Split::kTrain ? rows_.train : rows_.evaluation;
  return name_of(rows[static_cast<size_t>(row)]);
}

std::string SpinMethod::fingerprint() const {
  Sha256 hash;
  for (const std::vector<TreeRow>* rows : {&rows_.train, &rows_.evaluation}) {
    for (const TreeRow& row : *rows) {
      const std::vector<int32_t>& completion = row.tree.branches[0].ids;
      for (const std::vector<int32_t>& ids : {row.tree.prompt, completion}) {
        const uint64_t size = ids.size();
        hash.update(&size, sizeof(size));
        hash.update(ids.data(), ids.size() * sizeof(int32_t));
      }
    }
    hash.update("/", 1);
  }
  return hash.hex();
}

Status SpinMethod::begin_iterate(int64_t iterate, int64_t step) {
  c10::NoGradGuard no_grad;
  for (size_t i = 0; i < setup_.policy_tensors.size(); ++i) {
    setup_.previous_tensors[i].tensor.copy_(setup_.policy_tensors[i].tensor);
  }
  iterate_ = iterate;
  log_info("iterate {}: the policy as it is now answers, and is the reference", iterate + 1);
  if (ranks() != nullptr && !ranks()->is_first()) return {};
  const std::string path = join_path(setup_.run_directory, kIteratesFile);
  OrderedJson iterates = OrderedJson::array();
  if (iterate > 0 && exists(path)) {
    const Json before = TRY(read_json_file(path));
    // A run that is gone on with writes its newest entries again.
    for (const Json& entry : before) {
      if (entry.value("iterate", iterate) < iterate) iterates.push_back(OrderedJson(entry));
    }
  }
  iterates.push_back({{"iterate", iterate},
                      {"first_step", step + 1},
                      {"previous_iterate_sha256", hash_of(setup_.previous_tensors)}});
  return write_json_file(path, iterates);
}

Result<std::vector<SampledPair>> SpinMethod::make_pairs(const std::vector<TreeRow>& rows,
                                                        const std::vector<PromptRow>& prompts,
                                                        const std::vector<int64_t>& chosen,
                                                        int64_t step) {
  const auto sample = [&](const RowShare& share) {
    return make_rollouts(*setup_.previous.decoder, tokenizer_, prompts, chosen, step,
                         setup_.rollout, share);
  };
  const Answers answers = TRY(answer_together(ranks(), prompts, sample, /*reward=*/nullptr));
  std::vector<SampledPair> pairs;
  for (const Rollout& answer : answers.rollouts) {
    const TreeRow& row = rows[static_cast<size_t>(answer.row)];
    if (row.tree.branches[0].ids == answer.tree.branches[0].ids) continue;
    SampledPair pair{answer, name_of(row), 0, 0};
    pair.sides.tree.branches.insert(pair.sides.tree.branches.begin(), row.tree.branches[0]);
    pair.sides.samples.emplace(pair.sides.samples.begin());
    pairs.push_back(std::move(pair));
  }
  TRY(add_reference(setup_.previous, &pairs));
  return pairs;
}

Result<StepUpdates> SpinMethod::begin_step(int64_t step, const std::vector<int64_t>& rows) {
  const int64_t iterate = step / setup_.steps_per_iterate;
  if (iterate != iterate_) TRY(begin_iterate(iterate, step));
  std::vector<SampledPair> pairs = TRY(make_pairs(rows_.train, train_prompts_, rows, step));
  const size_t equal = rows.size() - pairs.size();
  if (pairs.empty()) {
    log_warning("step {}: the previous iterate answers all {} rows with their own completion: "
                "nothing is learnt from it",
                step + 1, rows.size());
  }
  StepUpdates updates = learn_from(std::move(pairs));
  updates.metrics["frac_equal"] = static_cast<double>(equal) / static_cast<double>(rows.size());
  return updates;
}

Status SpinMethod::end_step(std::map<std::string, double>* metrics) {
  (*metrics)["iterate"] = static_cast<double>(iterate_ + 1);
  return {};
}

Result<std::optional<std::map<std::string, double>>> SpinMethod::evaluate() {
  std::vector<int64_t> all(rows_.evaluation.size());
  std::iota(all.begin(), all.end(), 0);
  if (iterate_ < 0) TRY(begin_iterate(0, 0));  // before the first step
  const size_t count = all.size();
  std::vector<SampledPair> pairs =
      TRY(make_pairs(rows_.evaluation, evaluation_prompts_, all, kEvaluationStep));
  std::map<std::string, double> metrics;
  metrics["frac_equal"] = 1 - static_cast<double>(pairs.size()) / static_cast<double>(count);
  if (pairs.empty()) return std::optional(std::move(metrics));
  const StepUpdates updates = learn_from(std::move(pairs));
  std::vector<int64_t> lengths;
  for (int64_t row : updates.rows[0]) lengths.push_back(row_tokens(Split::kRollout, row));
  std::map<std::string, Mean> means;
  PassOptions pass_options;
  pass_options.training = false;
  pass_options.normaliser = static_cast<double>(pair_count());
  for (const auto& rows : best_fit_decreasing(lengths, options().max_tokens_per_batch)) {
    const PassResult result = pass(Split::kRollout, rows, pass_options);
    metrics["loss"] += result.loss.item<double>();
    for (const auto& [name, mean] : result.means) {
      means[name].sum += mean.sum;
      means[name].count += mean.count;
    }
  }
  for (const auto& [name, mean] : means) metrics[name] = mean.sum / mean.count;
  return std::optional(std::move(metrics));
}

Json SpinMethod::state() const { return {{"iterate", iterate_}}; }

Status SpinMethod::load_state(const Json& state) {
  iterate_ = TRY(get_int(state, "iterate"));
  return {};
}

}  // namespace attune::engine::train
