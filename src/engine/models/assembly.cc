#include "engine/models/assembly.h"

#include <utility>

#include "engine/models/score_head.h"

namespace attune::engine::models {
namespace {

constexpr int64_t kBlockColumns = 32;  // elements that share a scale
constexpr int64_t kBlockRowsMin = 32;  // a score head of a few rows stays dense, and may train

struct Precision {
  bool quantized = false;
  bool native = false;  // take the file's own blocks where it has some
  ops::BlockFormat format = ops::BlockFormat::kQ8_0;
  at::ScalarType dtype = at::kFloat;  // of what stays dense
};

Result<Precision> read_precision(const LoadOptions& options) {
  if (options.quantize.empty()) return Precision{false, false, {}, options.dtype};
  if (!options.device.is_cpu()) {
    return unsupported("quantize: blocks have kernels on the CPU alone; leave it out on {}, or set "
                       "device: cpu", options.device.str());
  }
  if (options.trainable) {
    return invalid_input("quantize: \"{}\" freezes the weights; train adapters on top (use_peft), "
                         "or load without it", options.quantize);
  }
  if (options.quantize == "native") return Precision{true, true};
  if (options.quantize == "q8_0") return Precision{true, false, ops::BlockFormat::kQ8_0};
  if (options.quantize == "q4_0") return Precision{true, false, ops::BlockFormat::kQ4_0};
  if (options.quantize == "q4_1") return Precision{true, false, ops::BlockFormat::kQ4_1};
  return invalid_input("quantize: \"{}\" is not known; known are q8_0, q4_0, q4_1 and native",
                       options.quantize);
}

// Takes parameters from the source and registers them.
class Builder {
 public:
  Builder(const DecoderConfig& config, ParameterSource& source, const LoadOptions& options,
          Precision precision, Trunk& trunk)
      : config_(config), source_(source), options_(options), precision_(precision), trunk_(trunk) {}

  Result<Tensor> parameter(const std::string& name, at::IntArrayRef shape, ParameterKind kind) {
    Tensor tensor = TRY(source_.tensor(name, shape, kind));
    tensor = tensor.to(options_.device, precision_.dtype);
    tensor.set_requires_grad(options_.trainable);
    return trunk_.parameters.add(name, tensor);
  }

  Result<nn::Linear> linear(const std::string& path, int64_t out, int64_t in, bool bias) {
    nn::Linear linear = TRY(matrix(path, out, in, config_.transposed_linear));
    if (bias) linear.bias = TRY(parameter(path + ".bias", {out}, ParameterKind::kShift));
    trunk_.adapters.register_module(path, out, in, config_.transposed_linear);
    return linear;
  }

  // A weight alone: the embedding, the head, or part of linear().
  Result<nn::Linear> matrix(const std::string& path, int64_t out, int64_t in, bool transposed) {
    nn::Linear linear{path, out, in, transposed, {}, {}, {}};
    const std::string name = path + ".weight";
    if (precision_.quantized && in % kBlockColumns == 0 && out >= kBlockRowsMin) {
      linear.blocks = TRY(quantized(name, out, in, transposed));
      linear.transposed = false;
      return linear;
    }
    std::vector<int64_t> shape = transposed ? std::vector{in, out} : std::vector{out, in};
    linear.weight = TRY(parameter(name, shape, ParameterKind::kMatrix));
    return linear;
  }

  Result<nn::Norm> norm(const std::string& path, int64_t width, NormKind kind) {
    nn::Norm norm;
    if (path.empty()) return norm;
    norm.epsilon = config_.norm_epsilon;
    norm.layer_norm = kind == NormKind::kLayer;
    norm.weight = TRY(parameter(path + ".weight", {width}, ParameterKind::kScale));
    if (norm.layer_norm) {
      norm.bias = TRY(parameter(path + ".bias", {width}, ParameterKind::kShift));
    }
    return norm;
  }

  Result<Block> block(int64_t layer);

 private:
  Result<ops::QuantizedMatrix> quantized(const std::string& name, int64_t out, int64_t in,
                                         bool transposed) {
    if (precision_.native && !transposed) {
      std::optional<ops::QuantizedMatrix> own = TRY(source_.blocks(name, out, in));
      if (own) return *own;
    }
    std::vector<int64_t> shape = transposed ? std::vector{in, out} : std::vector{out, in};
    Tensor dense = TRY(source_.tensor(name, shape, ParameterKind::kMatrix));
    if (transposed) dense = dense.t().contiguous();
    return ops::QuantizedMatrix::quantize(dense, precision_.format);
  }

  Status attention(const auto& at, Block& block);
  Status feed_forward(const auto& at, Block& block);

  const DecoderConfig& config_;
  ParameterSource& source_;
  const LoadOptions& options_;
  Precision precision_;
  Trunk& trunk_;
};

Status Builder::attention(const auto& at, Block& block) {
  const ModuleNames& names = config_.names;
  const int64_t width = config_.width;
  const int64_t q_out = config_.heads * config_.head_width;
  const int64_t kv_out = config_.kv_heads * config_.head_width;
  const bool bias = config_.qkv_bias;
  if (!names.qkv.empty()) {
    block.qkv = TRY(linear(at(names.qkv), q_out + 2 * kv_out, width, bias));
  } else {
    block.q = TRY(linear(at(names.q), q_out, width, bias));
    block.k = TRY(linear(at(names.k), kv_out, width, bias));
    block.v = TRY(linear(at(names.v), kv_out, width, bias));
  }
  block.output = TRY(linear(at(names.output), width, q_out, config_.output_bias));
  block.q_norm = TRY(norm(at(names.q_norm), config_.head_width, NormKind::kRms));
  block.k_norm = TRY(norm(at(names.k_norm), config_.head_width, NormKind::kRms));
  return {};
}

Status Builder::feed_forward(const auto& at, Block& block) {
  const ModuleNames& names = config_.names;
  const bool bias = config_.feed_forward_bias;
  if (!names.gate.empty()) {
    block.gate = TRY(linear(at(names.gate), config_.feed_forward, config_.width, bias));
  }
  block.up = TRY(linear(at(names.up), config_.feed_forward, config_.width, bias));
  block.down = TRY(linear(at(names.down), config_.width, config_.feed_forward, bias));
  return {};
}

Result<Block> Builder::block(int64_t layer) {
  const ModuleNames& names = config_.names;
  auto at = [layer](const std::string& name) {
    return name.empty() ? name : fmt::format(fmt::runtime(name), layer);
  };
  Block block;
  TRY(attention(at, block));
  TRY(feed_forward(at, block));
  block.attention_norm = TRY(norm(at(names.attention_norm), config_.width, config_.norm));
  block.feed_forward_norm = TRY(norm(at(names.feed_forward_norm), config_.width, config_.norm));
  return block;
}

Status add_head(const DecoderConfig& config, Builder& builder, Trunk& trunk) {
  if (config.head == HeadKind::kNone) return {};
  if (config.tied_head) {
    trunk.head = trunk.embedding;
    return {};
  }
  const bool score = config.head == HeadKind::kScore;
  const int64_t out = score ? config.labels : config.vocabulary;
  trunk.head = TRY(builder.matrix(config.names.head, out, config.width, /*transposed=*/false));
  return {};
}

}  // namespace

Result<Trunk> assemble(const DecoderConfig& config, ParameterSource& source,
                       const LoadOptions& options) {
  Trunk trunk;
  trunk.adapters.set_device(options.device);
  Precision precision = TRY(read_precision(options));
  Builder builder(config, source, options, precision, trunk);
  const ModuleNames& names = config.names;
  trunk.embedding = TRY(builder.matrix(names.embedding, config.vocabulary, config.width,
                                       /*transposed=*/false));
  if (config.positions == PositionKind::kLearned) {
    trunk.learned_positions = TRY(builder.parameter(
        names.positions + ".weight", {config.context, config.width}, ParameterKind::kMatrix));
  }
  for (int64_t layer = 0; layer < config.layer_count(); ++layer) {
    trunk.blocks.push_back(TRY(builder.block(layer)));
  }
  trunk.final_norm = TRY(builder.norm(names.final_norm, config.width, config.norm));
  TRY(add_head(config, builder, trunk));
  trunk.adapters.register_whole(kScoreWeight, {config.labels, config.width});
  TRY(source.finish(config));
  return trunk;
}

}  // namespace attune::engine::models
