#include "engine/models/reward_model.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>

#include "base/file.h"
#include "base/json_file.h"
#include "engine/tensor/guarded.h"
#include "text/same_ids.h"
#include "weights/lora_files.h"
#include "weights/model_text.h"

namespace attune::engine::models {
namespace {

constexpr const char* kAdapterName = "reward";

Status check_tree(const DecoderConfig& config, const TokenTree& tree) {
  const auto check_ids = [&](const std::vector<int32_t>& ids) -> Status {
    for (const int32_t id : ids) {
      if (id >= 0 && id < config.vocabulary) continue;
      return invalid_input("the token id {} is outside of the reward model's vocabulary of {}", id,
                           config.vocabulary);
    }
    return {};
  };
  TRY(check_ids(tree.prompt));
  for (const TokenBranch& branch : tree.branches) {
    TRY(check_ids(branch.ids));
    const size_t length = tree.prompt.size() + branch.ids.size();
    if (length == 0) return invalid_input("an empty sequence has no score");
    if (static_cast<int64_t>(length) > config.context) {
      return invalid_input("prompt and completion have {} tokens, the reward model's context {}",
                           length, config.context);
    }
  }
  return {};
}

}  // namespace

Json to_json(const RewardNormaliser& normaliser) {
  return {{"mean", normaliser.mean},
          {"scale", normaliser.scale},
          {"reference", normaliser.reference},
          {"samples", normaliser.samples}};
}

Result<RewardNormaliser> reward_normaliser_from_json(const Json& json) {
  if (!json.is_object()) return invalid_input("{}: must be an object", kNormaliserKey);
  RewardNormaliser normaliser;
  normaliser.mean = TRY(get_double(json, "mean"));
  normaliser.scale = TRY(get_double(json, "scale"));
  normaliser.reference = TRY(get_string_or(json, "reference", ""));
  normaliser.samples = TRY(get_int_or(json, "samples", 0));
  if (!std::isfinite(normaliser.mean)) {
    return invalid_input("{}: mean is no number", kNormaliserKey);
  }
  if (!std::isfinite(normaliser.scale) || normaliser.scale <= 0) {
    return invalid_input("{}: scale is {}; it must be above 0", kNormaliserKey, normaliser.scale);
  }
  return normaliser;
}

Result<RewardNormaliser> read_reward_normaliser(const weights::ModelFiles& files,
                                                const std::string& adapter_folder) {
  const std::string path = join_path(adapter_folder, kNormaliserFile);
  if (!adapter_folder.empty() && exists(path)) {
    auto read = reward_normaliser_from_json(TRY(read_json_file(path)));
    if (!read.ok()) return read.error().with_context(path);
    return read;
  }
  const Json* stored = find(files.config(), kNormaliserKey);
  if (!adapter_folder.empty() || stored == nullptr) return RewardNormaliser{};
  auto read = reward_normaliser_from_json(*stored);
  if (!read.ok()) return read.error().with_context(files.path());
  return read;
}

// What was found, once its adapter (if any) is on the decoder.
Result<RewardModel> RewardModel::assemble(std::unique_ptr<Decoder> own, Decoder& decoder,
                                          const weights::ModelFiles& files,
                                          const weights::ModelPlace& place,
                                          std::vector<std::string> stack) {
  const std::string& text = place.adapter.empty() ? place.model : place.adapter;
  const weights::ModelText texts = TRY(weights::load_model_text(files, place.adapter));
  const Tensor head = score_weight(decoder, stack);
  if (!head.defined()) {
    return invalid_input("{}: is a language model without a score head; train a reward model from "
                         "it with attune train reward", text);
  }
  if (head.size(0) != 1) {
    return invalid_input("{}: is a classifier of {} labels; a reward model has one", text,
                         head.size(0));
  }
  return RewardModel(std::move(own), decoder, std::move(stack),
                     TRY(read_reward_normaliser(files, place.adapter)),
                     TRY(data::ExampleTokenizer::make(texts.tokenizer, texts.chat_template)));
}

Result<RewardModel> RewardModel::load(const weights::ModelPlace& place,
                                      const LoadOptions& options) {
  const weights::ModelPlace found =
      place.adapter.empty() ? TRY(weights::model_place(place.model)) : place;
  const weights::ModelFiles files = TRY(weights::ModelFiles::open(found.model));
  auto decoder = TRY(run_guarded({"loading " + found.model, {}},
                                 [&] { return Decoder::load(files, options); }));
  std::vector<std::string> stack;
  if (!found.adapter.empty()) {
    TRY(decoder->adapters().load(kAdapterName, found.adapter));
    stack.emplace_back(kAdapterName);
  }
  Decoder& trunk = *decoder;
  return assemble(std::move(decoder), trunk, files, found, std::move(stack));
}

Result<RewardModel> RewardModel::load_on(Decoder& trunk, const std::string& base,
                                         const std::string& adapter) {
  const weights::ModelFiles files = TRY(weights::ModelFiles::open(base));
  std::string name = kAdapterName;
  for (int i = 2; trunk.adapters().find(name) != nullptr; ++i) {
    name = fmt::format("{}_{}", kAdapterName, i);
  }
  TRY(trunk.adapters().load(name, adapter));
  return assemble(nullptr, trunk, files, {base, adapter}, {name});
}

Status RewardModel::check(const TokenTree& tree) const {
  return check_tree(decoder_->config(), tree);
}

Result<std::vector<double>> RewardModel::score(const std::vector<TokenTree>& trees,
                                               int64_t max_tokens_per_batch) const {
  for (size_t i = 0; i < trees.size(); ++i) {
    const Status status = check(trees[i]);
    if (!status.ok()) return status.error().with_context(fmt::format("row {}", i + 1));
  }
  std::vector<double> rewards = TRY(run_guarded({"scoring with the reward model", {}}, [&] {
    return score_trees(*decoder_, trees, adapters_, max_tokens_per_batch);
  }));
  for (double& reward : rewards) reward = normaliser_.apply(reward);
  return rewards;
}

std::vector<double> score_trees(Decoder& decoder, const std::vector<TokenTree>& trees,
                                const std::vector<std::string>& stack,
                                int64_t max_tokens_per_batch) {
  const at::NoGradGuard no_grad;
  const TreeBatchOptions options{.log_probs = false, .scores = true};
  ForwardOptions forward;
  forward.adapters.stack = stack;
  std::vector<double> scores;
  TreeBatch pass(options);
  const auto run = [&] {
    if (pass.branches() == 0) return;
    forward.rows = pass.asked_rows();
    const Tensor hidden = decoder.forward(pass.batch, forward);
    const Tensor values = branch_scores(decoder, pass, hidden, stack).contiguous();
    const float* value = values.data_ptr<float>();
    scores.insert(scores.end(), value, value + values.numel());
    pass = TreeBatch(options);
  };
  for (const TokenTree& tree : trees) {
    if (pass.batch.layout.tokens() + tree.tokens() > max_tokens_per_batch) run();
    pass.add(tree);
  }
  run();
  return scores;
}

Status check_same_vocabulary(const text::Tokenizer& reward, const text::Tokenizer& policy,
                             int64_t rows) {
  const auto differs = text::first_difference(reward, policy, rows);
  if (!differs) return {};
  return invalid_input(
      "the reward model has another tokenizer than the model that it judges: token {} is \"{}\" "
      "there and \"{}\" here; train the reward model from the same base",
      differs->id, differs->one, differs->other);
}

}  // namespace attune::engine::models
