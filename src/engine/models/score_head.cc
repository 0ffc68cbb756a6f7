#include "engine/models/score_head.h"

#include <ATen/ops/mv.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <cmath>

#include "base/check.h"
#include "engine/models/families/family.h"
#include "engine/nn/seeded.h"

namespace attune::engine::models {

Tensor new_score_weight(int64_t width, const NewScoreHead& head) {
  Tensor weight = at::zeros({1, width});
  if (head.zero) return weight;
  nn::fill_normal(weight, 1.0 / std::sqrt(static_cast<double>(width) + 1.0), head.seed);
  return weight;
}

Result<DecoderConfig> with_score_head(const DecoderConfig& config) {
  if (config.head == HeadKind::kScore) {
    if (config.labels == 1) return config;
    return invalid_input("is a classifier of {} labels; a reward model has one (num_labels 1)",
                         config.labels);
  }
  DecoderConfig scored = config;
  for (const Family& family : families()) {
    if (config.family == family.model_type) scored.architecture = family.classifier_architecture;
  }
  scored.head = HeadKind::kScore;
  scored.labels = 1;
  scored.names.head = "score";
  scored.tied_head = false;
  return scored;
}

Status add_score_head(Decoder& decoder, const std::string& adapter, const NewScoreHead& head) {
  TRY(with_score_head(decoder.config()));
  const Tensor own = score_weight(decoder);
  decoder.adapters().put_whole(
      adapter, kScoreWeight, own.defined() ? own : new_score_weight(decoder.config().width, head));
  decoder.adapters().set_task_type(adapter, "SEQ_CLS");  // PEFT's name
  return {};
}

Tensor score_weight(Decoder& decoder, const std::vector<std::string>& stack) {
  for (auto name = stack.rbegin(); name != stack.rend(); ++name) {
    const nn::Adapter* adapter = decoder.adapters().find(*name);
    CHECK(adapter != nullptr, "there is no adapter {}", *name);
    const auto found = adapter->whole.find(kScoreWeight);
    if (found != adapter->whole.end()) return found->second;
  }
  return decoder.config().head == HeadKind::kScore ? decoder.head_weight() : Tensor();
}

Tensor scores_of(const Tensor& hidden, const Tensor& weight) {
  CHECK(weight.size(0) == 1, "a score head of {} labels", weight.size(0));
  const Tensor head = weight.to(hidden.device(), at::kFloat).select(0, 0);
  return at::mv(hidden.to(at::kFloat), head).to(at::kCPU);
}

Tensor scores_at(const Tensor& hidden, const std::vector<int64_t>& rows, const Tensor& weight) {
  const Tensor index = at::tensor(rows, at::kLong).to(hidden.device());
  return scores_of(hidden.index_select(0, index), weight);
}

Tensor branch_scores(Decoder& decoder, const TreeBatch& pass, const Tensor& hidden,
                     const std::vector<std::string>& stack) {
  CHECK(!pass.last_rows.empty(), "a pass without scores");
  const Tensor weight = score_weight(decoder, stack);
  CHECK(weight.defined(), "{} has no score head", decoder.config().architecture);
  return scores_at(hidden, pass.last_rows, weight);
}

}  // namespace attune::engine::models
