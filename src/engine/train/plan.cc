#include "engine/train/plan.h"

#include <algorithm>

namespace attune::engine::train {

Json Plan::to_json() const {
  return {{"dtype", dtype},
          {"cpu", cpu},
          {"threads", threads},
          {"max_tokens_per_batch", max_tokens_per_batch},
          {"recompute", recompute},
          {"chunk_rows", chunk_rows},
          {"products", products}};
}

Result<Plan> Plan::from_json(const Json& json) {
  Plan plan;
  plan.dtype = TRY(get_string(json, "dtype"));
  plan.cpu = TRY(get_string(json, "cpu"));
  plan.threads = TRY(get_int(json, "threads"));
  plan.max_tokens_per_batch = TRY(get_int(json, "max_tokens_per_batch"));
  plan.recompute = TRY(get_bool(json, "recompute"));
  plan.chunk_rows = TRY(get_int(json, "chunk_rows"));
  plan.products = TRY(get_string(json, "products"));
  return plan;
}

int64_t activation_bytes_per_token(const models::DecoderConfig& config, bool adapters) {
  const bool gated = !config.names.gate.empty();
  const bool norms_again = !adapters && config.norm == models::NormKind::kRms;
  const bool inner_again =
      norms_again && gated && config.activation == models::Activation::kSilu;
  const bool sequential = config.residual == models::ResidualKind::kSequential;
  const bool two_norms = sequential || !config.names.feed_forward_norm.empty();
  const int64_t residuals = sequential ? 2 : 1, norms = norms_again ? 0 : two_norms ? 2 : 1;
  const int64_t attention = config.head_width * (2 * config.heads + 2 * config.kv_heads);
  const int64_t inner = (gated ? 2 : 1) + (inner_again ? 0 : 1);
  const int64_t per_layer =
      (residuals + norms) * config.width + attention + inner * config.feed_forward;
  return config.layer_count() * per_layer * static_cast<int64_t>(sizeof(float));
}

Plan make_plan(const TrainingOptions& options, const MemoryNeed& need, int64_t free_bytes) {
  Plan plan;
  const int64_t room = (free_bytes - need.state_bytes) / 10 * 6;
  if (need.prefers_wide_passes) {
    for (const int64_t tokens : {4096, 8192}) {
      if (tokens * need.activation_bytes_per_token <= room) plan.max_tokens_per_batch = tokens;
    }
  }
  plan.max_tokens_per_batch =
      options.batch.max_tokens_per_batch.value_or(plan.max_tokens_per_batch);
  const int64_t tokens = std::max(plan.max_tokens_per_batch, need.longest_row);
  switch (options.recompute) {
    case RecomputeChoice::kAlways: plan.recompute = true; break;
    case RecomputeChoice::kNever: plan.recompute = false; break;
    case RecomputeChoice::kAuto:
      plan.recompute = tokens * need.activation_bytes_per_token > room;
  }
  return plan;
}

std::vector<std::string> differences(const Plan& stored, int64_t cores, const std::string& cpu) {
  std::vector<std::string> found;
  if (stored.threads > cores) {
    found.push_back(fmt::format("it used {} threads and {} cores are here", stored.threads, cores));
  }
  if (stored.cpu != cpu) {
    found.push_back(fmt::format("it ran on {} and this is {}", stored.cpu, cpu));
  }
  return found;
}

}  // namespace attune::engine::train
