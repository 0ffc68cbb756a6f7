#include "engine/models/decoder.h"

#include <ATen/ops/embedding.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/check.h"
#include "engine/models/assembly.h"
#include "engine/models/block.h"
#include "engine/models/score_head.h"
#include "engine/models/team_pass.h"
#include "engine/ops/recompute.h"

namespace attune::engine::models {

struct Decoder::Impl {
  DecoderConfig config;
  Trunk trunk;
  ops::RotaryTable table;
  int64_t table_positions = 0;
  std::unique_ptr<TeamPass> team_pass;  // refers to config and trunk
  at::Device device;

  Impl(const DecoderConfig& c, Trunk t, at::Device d)
      : config(c), trunk(std::move(t)), device(d) {
    team_pass = TeamPass::make(config, trunk);
  }

  // The rotary table for positions below `count`, grown by doubling.
  const ops::RotaryTable& rotary_table(int64_t count) {
    if (count > table_positions) {
      table_positions = std::max({count, 2 * table_positions, int64_t{256}});
      table = ops::make_rotary_table(inverse_frequencies(config.rotary), table_positions,
                                     config.rotary.attention_factor);
      table = {table.cos.to(device), table.sin.to(device)};
    }
    return table;
  }

  Tensor embed(const Tensor& tokens, const Tensor& positions) {
    const nn::Linear& embedding = trunk.embedding;
    Tensor x = embedding.blocks ? embedding.blocks->dequantize_rows(tokens)
                                : at::embedding(embedding.weight, tokens);
    if (!trunk.learned_positions.defined()) return x;
    return x + at::embedding(trunk.learned_positions, positions);
  }

  Tensor forward(const Tensor& tokens, const Tensor& given_positions,
                 std::shared_ptr<AttentionContext> attention, const ForwardOptions& options) {
    const Tensor positions = given_positions.to(device);
    BlockPass pass{&config, &trunk.adapters, options, positions, {}, std::move(attention)};
    if (config.positions == PositionKind::kRotary) {
      pass.table = rotary_table(given_positions.max().item<int64_t>() + 1);
    }
    const int64_t count = given_positions.size(0);
    const Tensor asked = asked_rows(options, count);
    Tensor x = embed(tokens.to(device), positions);
    for (int64_t layer = 0; layer < config.layer_count(); ++layer) {
      const Block& block = trunk.blocks[static_cast<size_t>(layer)];
      if (layer + 1 == config.layer_count()) pass.rows = asked;
      auto run = [&block, layer, pass](const Tensor& input) {
        return forward_block(block, layer, input, pass);
      };
      x = options.recompute ? ops::recompute(run, x) : run(x);
    }
    x = trunk.final_norm.forward(x);
    if (!asked.defined()) return x;
    return at::zeros({count, config.width}, x.options()).index_copy_(0, asked, x);
  }

  // ForwardOptions::rows once each, in order, on the device; undefined where all `count` are
  // computed. Products of blocks round what a few rows bring, and not what many do: they keep all.
  Tensor asked_rows(const ForwardOptions& options, int64_t count) const {
    const bool blocks = trunk.embedding.blocks.has_value();
    if (options.rows.empty() || !options.adapters.rows.empty() || blocks) return {};
    std::vector<int64_t> rows = options.rows;
    std::sort(rows.begin(), rows.end());
    rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
    CHECK(rows.front() >= 0 && rows.back() < count, "rows {} to {} of {}", rows.front(),
          rows.back(), count);
    if (static_cast<int64_t>(rows.size()) == count) return {};
    return at::tensor(rows, at::kLong).to(device);
  }
};

namespace {

// A pointer to what the caller owns.
std::shared_ptr<AttentionContext> borrow(AttentionContext& attention) {
  return {std::shared_ptr<AttentionContext>(), &attention};
}

}  // namespace

Decoder::Decoder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Decoder::~Decoder() = default;

Result<std::unique_ptr<Decoder>> Decoder::load(const weights::ModelFiles& files,
                                               const LoadOptions& options) {
  Result<DecoderConfig> config = decoder_config(files.config());
  if (!config.ok()) return config.error().with_context(files.path());
  return load(files, *config, options);
}

Result<std::unique_ptr<Decoder>> Decoder::load(const weights::ModelFiles& files,
                                               const DecoderConfig& config,
                                               const LoadOptions& options) {
  std::unique_ptr<ParameterSource> source = file_source(files);
  DecoderConfig loaded = config;
  if (options.score_head) {
    Result<DecoderConfig> scored = with_score_head(config);
    if (!scored.ok()) return scored.error().with_context(files.path());
    loaded = std::move(*scored);
    if (config.head != HeadKind::kScore) {
      source = source_with_score_head(std::move(source), *options.score_head);
    }
  }
  Result<Trunk> trunk = assemble(loaded, *source, options);
  if (!trunk.ok()) return trunk.error().with_context(files.path());
  auto impl = std::make_unique<Impl>(loaded, std::move(trunk).value(), options.device);
  return std::unique_ptr<Decoder>(new Decoder(std::move(impl)));
}

std::unique_ptr<Decoder> Decoder::random(const DecoderConfig& config, uint64_t seed,
                                         double init_std, const LoadOptions& options) {
  std::unique_ptr<ParameterSource> source = random_source(seed, init_std);
  Result<Trunk> trunk = assemble(config, *source, options);
  CHECK(trunk.ok(), "a random model: {}", trunk.error().message());
  auto impl = std::make_unique<Impl>(config, std::move(trunk).value(), options.device);
  return std::unique_ptr<Decoder>(new Decoder(std::move(impl)));
}

const DecoderConfig& Decoder::config() const { return impl_->config; }
at::Device Decoder::device() const { return impl_->device; }
bool Decoder::is_quantized() const { return impl_->trunk.embedding.blocks.has_value(); }
nn::Parameters& Decoder::parameters() { return impl_->trunk.parameters; }
nn::Adapters& Decoder::adapters() { return impl_->trunk.adapters; }

Tensor Decoder::forward(const Tensor& tokens, const Tensor& positions, AttentionContext& attention,
                        const ForwardOptions& options) {
  return impl_->forward(tokens, positions, borrow(attention), options);
}

Tensor Decoder::forward(const PackedBatch& batch, const ForwardOptions& options) {
  return impl_->forward(batch.token_tensor(), batch.position_tensor(),
                        std::make_shared<PackedAttention>(batch.layout), options);
}

Tensor Decoder::head_weight() {
  CHECK(impl_->trunk.head.has_value(), "{} has no head", impl_->config.architecture);
  return impl_->trunk.head->matrix();
}

Tensor Decoder::head_bias() {
  CHECK(impl_->trunk.head.has_value(), "{} has no head", impl_->config.architecture);
  return impl_->trunk.head->bias;
}

bool Decoder::decodes(int64_t rows, const std::vector<std::string>& stack) const {
  return impl_->team_pass != nullptr && rows <= ops::kQuantizedRowsMax &&
         impl_->team_pass->takes(stack);
}

Tensor Decoder::decode(const std::vector<TokenRow>& rows, RowAttention& attention,
                       const std::vector<std::string>& stack, Tensor* hidden) {
  const auto count = static_cast<int64_t>(rows.size());
  CHECK(decodes(count, stack), "no pass of a team for {} rows", rows.size());
  int64_t last = 0;
  for (const TokenRow& row : rows) {
    CHECK(row.token >= 0 && row.token < config().vocabulary, "token {}", row.token);
    last = std::max(last, row.position);
  }
  Tensor logits = at::empty({count, config().vocabulary}, at::kFloat);
  if (hidden != nullptr) *hidden = at::empty({count, config().width}, at::kFloat);
  impl_->team_pass->run(rows, stack, impl_->rotary_table(last + 1), attention,
                        logits.data_ptr<float>(),
                        hidden != nullptr ? hidden->data_ptr<float>() : nullptr);
  return logits;
}

Tensor Decoder::logits(const Tensor& hidden) {
  CHECK(impl_->trunk.head.has_value(), "{} has no head", impl_->config.architecture);
  if (hidden.is_cuda() && hidden.scalar_type() == at::kBFloat16) {
    // As LogitHead: what is sampled from is what training computes.
    const Tensor logits = at::mm(hidden, head_weight().t(), at::kFloat);
    return head_bias().defined() ? logits + head_bias() : logits;
  }
  return impl_->trunk.head->forward(hidden).to(at::kFloat);
}

}  // namespace attune::engine::models
