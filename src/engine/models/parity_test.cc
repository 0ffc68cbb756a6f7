// Every family against Transformers, on the small models of tests/golden/models: logits and the
// gradients of all parameters, for plain, packed and tree-shaped batches alike; and what must not
// pass, with one thing wrong at a time.
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "engine/models/golden_model.h"
#include "weights/model_files.h"

namespace attune::engine::models {
namespace {

// Gradients that are zero but for rounding are held to this share of the model's largest one.
constexpr double kSmallestScale = 1e-2;

class FamilyParity : public ::testing::TestWithParam<std::string> {
 protected:
  FamilyParity()
      : golden_(read_golden_model(GetParam())),
        files_(weights::ModelFiles::open(golden_.folder).value()),
        config_(decoder_config(files_.config()).value()) {}

  std::unique_ptr<Decoder> load(const DecoderConfig& config, bool trainable) {
    LoadOptions options;
    options.trainable = trainable;
    auto decoder = Decoder::load(files_, config, options);
    EXPECT_TRUE(decoder.ok()) << decoder.error().message();
    return std::move(decoder).value();
  }

  double largest_gradient() const {
    double largest = 0.0;
    for (const auto& [name, tensor] : golden_.tensors) {
      if (!name.starts_with("grad.")) continue;
      largest = std::max(largest, tensor.abs().max().item<double>());
    }
    return largest;
  }

  void expect_gradients(Decoder& decoder) {
    const double floor = kSmallestScale * largest_gradient();
    size_t compared = 0;
    for (const nn::Parameter& parameter : decoder.parameters().all()) {
      auto expected = golden_.tensors.find("grad." + parameter.name);
      ASSERT_NE(expected, golden_.tensors.end()) << parameter.name;
      ASSERT_TRUE(parameter.tensor.grad().defined()) << parameter.name;
      const Tensor difference = (parameter.tensor.grad() - expected->second).abs().max();
      const double scale = std::max(expected->second.abs().max().item<double>(), floor);
      EXPECT_LE(difference.item<double>() / scale, kTolerance) << parameter.name;
      ++compared;
    }
    const auto logits = std::count_if(golden_.tensors.begin(), golden_.tensors.end(), [](auto& t) {
      return t.first.starts_with("logits.");
    });
    EXPECT_EQ(compared + static_cast<size_t>(logits), golden_.tensors.size());
  }

  void expect_parity(Packing packing, bool recompute) {
    auto decoder = load(config_, /*trainable=*/true);
    ForwardOptions options;
    options.recompute = recompute;
    PathLogits run = run_paths(*decoder, golden_, packing, options);
    EXPECT_LE(logit_difference(run, golden_), kTolerance);
    EXPECT_NEAR(run.loss.item<double>(), golden_.loss, kTolerance * golden_.loss);
    run.loss.backward();
    expect_gradients(*decoder);
  }

  GoldenModel golden_;
  weights::ModelFiles files_;
  DecoderConfig config_;
};

TEST_P(FamilyParity, Plain) { expect_parity(Packing::kPlain, false); }
TEST_P(FamilyParity, Packed) { expect_parity(Packing::kPacked, false); }
TEST_P(FamilyParity, Tree) { expect_parity(Packing::kTree, false); }
TEST_P(FamilyParity, TreeWithRecompute) { expect_parity(Packing::kTree, true); }

// One deliberate mistake: in the config, or in the parameters after loading.
struct Mistake {
  const char* name;
  std::function<bool(const DecoderConfig&)> applies;
  std::function<void(DecoderConfig&)> in_config;
  std::function<void(Decoder&)> in_parameters;
};

void roll(Decoder& decoder, const std::string& module, int64_t rows) {
  const bool transposed = decoder.config().transposed_linear;
  for (int64_t layer = 0; layer < decoder.config().layer_count(); ++layer) {
    const std::string name = fmt::format(fmt::runtime(module + ".weight"), layer);
    Tensor& weight = *decoder.parameters().find(name);
    weight.copy_(weight.roll({rows}, {transposed ? 1 : 0}));
  }
}

bool rotates(const DecoderConfig& c) { return c.positions == PositionKind::kRotary; }

std::vector<Mistake> position_mistakes() {
  return {
      {"adjacent rotary pairs",
       rotates,
       [](DecoderConfig& c) { c.rotary.pairs = RotaryPairs::kAdjacent; },
       {}},
      {"rotary base", rotates, [](DecoderConfig& c) { c.rotary.theta *= 1.02; }, {}},
      {"rope scaling off",
       [](const DecoderConfig& c) { return c.rotary.scaling != RopeScaling::kNone; },
       [](DecoderConfig& c) { c.rotary.scaling = RopeScaling::kNone; },
       {}},
      {"attention factor off",
       [](const DecoderConfig& c) { return c.rotary.attention_factor != 1.0; },
       [](DecoderConfig& c) { c.rotary.attention_factor = 1.0; },
       {}},
      {"whole head rotated",
       [](const DecoderConfig& c) { return rotates(c) && c.rotary.width < c.head_width; },
       [](DecoderConfig& c) { c.rotary.width = c.head_width; },
       {}},
      {"all layers rotated",
       [](const DecoderConfig& c) {
         return std::any_of(c.layers.begin(), c.layers.end(),
                            [](const LayerConfig& l) { return !l.rotary; });
       },
       [](DecoderConfig& c) {
         for (LayerConfig& l : c.layers) l.rotary = true;
       },
       {}},
      {"slopes without the score scale",
       [](const DecoderConfig& c) { return !c.alibi_slopes.empty(); },
       [](DecoderConfig& c) {
         for (float& s : c.alibi_slopes) s *= std::sqrt(static_cast<float>(c.head_width));
       },
       {}},
      {"positions off by one",
       [](const DecoderConfig& c) { return c.positions == PositionKind::kLearned; },
       {},
       [](Decoder& d) {
         Tensor& table = *d.parameters().find(d.config().names.positions + ".weight");
         table.copy_(table.roll({1}, {0}));
       }},
  };
}

bool has_window(const DecoderConfig& c) {
  return std::any_of(c.layers.begin(), c.layers.end(),
                     [](const LayerConfig& l) { return l.window > 0; });
}

std::vector<Mistake> block_mistakes() {
  auto widen = [](int64_t by) {
    return [by](DecoderConfig& c) {
      for (LayerConfig& l : c.layers) l.window += l.window > 0 ? by : 0;
    };
  };
  auto fused = [](const DecoderConfig& c) { return !c.names.qkv.empty(); };
  return {
      {"norm epsilon times ten", [](const DecoderConfig&) { return true; },
       [](DecoderConfig& c) { c.norm_epsilon *= 10; }, {}},
      {"window one too wide", has_window, widen(1), {}},
      {"window one too narrow", has_window, widen(-1), {}},
      {"score scale", [](const DecoderConfig&) { return true; },
       [](DecoderConfig& c) {
         for (LayerConfig& l : c.layers) l.score_scale = 1.02 / std::sqrt(double(c.head_width));
       }, {}},
      {"q, k, v in blocks instead of groups",
       [fused](const DecoderConfig& c) { return fused(c) && c.kv_heads > 1; },
       [](DecoderConfig& c) {
         const bool grouped = c.qkv_layout == QkvLayout::kGrouped;
         c.qkv_layout = grouped ? QkvLayout::kBlocks : QkvLayout::kGrouped;
       }, {}},
      {"fused rows shifted by a head", fused, {},
       [](Decoder& d) { roll(d, d.config().names.qkv, d.config().head_width); }},
      {"k and v exchanged", [fused](const DecoderConfig& c) { return !fused(c); },
       [](DecoderConfig& c) { std::swap(c.names.k, c.names.v); }, {}},
      {"residual order",
       [](const DecoderConfig& c) { return !c.names.feed_forward_norm.empty(); },
       [](DecoderConfig& c) {
         const bool parallel = c.residual == ResidualKind::kParallel;
         c.residual = parallel ? ResidualKind::kSequential : ResidualKind::kParallel;
       }, {}},
      {"activation", [](const DecoderConfig&) { return true; },
       [](DecoderConfig& c) {
         const bool tanh = c.activation == Activation::kGeluTanh;
         c.activation = tanh ? Activation::kGelu : Activation::kGeluTanh;
       }, {}},
  };
}

TEST_P(FamilyParity, CatchesEveryMistake) {
  at::NoGradGuard no_grad;
  std::vector<Mistake> mistakes = position_mistakes();
  for (Mistake& mistake : block_mistakes()) mistakes.push_back(std::move(mistake));
  size_t tried = 0;
  for (const Mistake& mistake : mistakes) {
    if (!mistake.applies(config_)) continue;
    DecoderConfig config = config_;
    if (mistake.in_config) mistake.in_config(config);
    auto decoder = load(config, /*trainable=*/false);
    if (mistake.in_parameters) mistake.in_parameters(*decoder);
    PathLogits run = run_paths(*decoder, golden_, Packing::kTree);
    EXPECT_GT(logit_difference(run, golden_), 10 * kTolerance) << mistake.name;
    ++tried;
  }
  EXPECT_GE(tried, 6u);
}

INSTANTIATE_TEST_SUITE_P(Families, FamilyParity, ::testing::ValuesIn(golden_model_names()),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace attune::engine::models
