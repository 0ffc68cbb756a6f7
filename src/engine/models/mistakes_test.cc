// What the parity with Transformers (parity_test.cc) catches: for every family, each mistake that
// it leaves room for is made on purpose, one at a time, and the comparison, which allows
// kTolerance, must fail, or the files must be refused.
#include "engine/models/golden_model.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "base/file.h"
#include "weights/model_files.h"

namespace attune::engine::models {
namespace {

// One deliberate mistake: in the config, or in the parameters after loading.
struct Mistake {
  const char* name;
  std::function<bool(const DecoderConfig&)> applies;
  std::function<void(DecoderConfig&)> in_config;
  std::function<void(Decoder&)> in_parameters;
};
using Mistakes = std::vector<Mistake>;

bool always(const DecoderConfig&) { return true; }
bool rotates(const DecoderConfig& c) { return c.positions == PositionKind::kRotary; }
bool fused(const DecoderConfig& c) { return !c.names.qkv.empty(); }
bool separate(const DecoderConfig& c) { return !fused(c); }
bool has_two_norms(const DecoderConfig& c) { return !c.names.feed_forward_norm.empty(); }
bool has_alibi(const DecoderConfig& c) { return c.positions == PositionKind::kAlibi; }
bool has_head_norms(const DecoderConfig& c) { return !c.names.q_norm.empty(); }
bool has_window(const DecoderConfig& c) {
  return std::any_of(c.layers.begin(), c.layers.end(),
                     [](const LayerConfig& l) { return l.window > 0; });
}
std::function<bool(const DecoderConfig&)> scaled_as(RopeScaling scaling) {
  return [scaling](const DecoderConfig& c) { return rotates(c) && c.rotary.scaling == scaling; };
}

// Calls change(parameter) for `module` + `suffix` of every layer.
void each_layer(Decoder& decoder, const std::string& module, const char* suffix,
                const std::function<void(Tensor&)>& change) {
  for (int64_t layer = 0; layer < decoder.config().layer_count(); ++layer) {
    const std::string name = fmt::format(fmt::runtime(module), layer) + suffix;
    Tensor* parameter = decoder.parameters().find(name);
    ASSERT_NE(parameter, nullptr) << name;
    change(*parameter);
  }
}

Mistakes rotary_mistakes() {
  return {
      {"adjacent rotary pairs", rotates,
       [](DecoderConfig& c) { c.rotary.pairs = RotaryPairs::kAdjacent; }, {}},
      {"rotary base", rotates, [](DecoderConfig& c) { c.rotary.theta *= 1.02; }, {}},
      {"rope scaling off",
       [](const DecoderConfig& c) { return c.rotary.scaling != RopeScaling::kNone; },
       [](DecoderConfig& c) { c.rotary.scaling = RopeScaling::kNone; }, {}},
      {"rope factor",
       [](const DecoderConfig& c) { return c.rotary.scaling != RopeScaling::kNone; },
       [](DecoderConfig& c) { c.rotary.factor *= 1.05; }, {}},
      {"llama3 scaling as linear", scaled_as(RopeScaling::kLlama3),
       [](DecoderConfig& c) { c.rotary.scaling = RopeScaling::kLinear; }, {}},
      {"llama3's original context", scaled_as(RopeScaling::kLlama3),
       [](DecoderConfig& c) { c.rotary.original_context *= 2; }, {}},
      {"YaRN's ramp reversed", scaled_as(RopeScaling::kYarn),
       [](DecoderConfig& c) { std::swap(c.rotary.beta_fast, c.rotary.beta_slow); }, {}},
      {"YaRN's ramp between fractions of dimensions", scaled_as(RopeScaling::kYarn),
       [](DecoderConfig& c) { c.rotary.truncate = !c.rotary.truncate; }, {}},
      {"attention factor off",
       [](const DecoderConfig& c) { return c.rotary.attention_factor != 1.0; },
       [](DecoderConfig& c) { c.rotary.attention_factor = 1.0; }, {}},
      {"whole head rotated",
       [](const DecoderConfig& c) { return rotates(c) && c.rotary.width < c.head_width; },
       [](DecoderConfig& c) { c.rotary.width = c.head_width; }, {}},
      {"all layers rotated",
       [](const DecoderConfig& c) {
         return std::any_of(c.layers.begin(), c.layers.end(),
                            [](const LayerConfig& l) { return !l.rotary; });
       },
       [](DecoderConfig& c) {
         for (LayerConfig& l : c.layers) l.rotary = true;
       }, {}},
  };
}

Mistakes other_position_mistakes() {
  return {
      {"ALiBi not scaled with the scores", has_alibi,
       [](DecoderConfig& c) { c.alibi_scale = 1.0; }, {}},
      {"ALiBi added twice", has_alibi, [](DecoderConfig& c) { c.alibi_scale *= 2.0; }, {}},
      {"ALiBi slopes of the next head", has_alibi,
       [](DecoderConfig& c) {
         std::rotate(c.alibi_slopes.begin(), c.alibi_slopes.begin() + 1, c.alibi_slopes.end());
       }, {}},
      {"ALiBi slopes in one sequence for all heads",
       [](const DecoderConfig& c) {
         return has_alibi(c) && (c.heads & (c.heads - 1)) != 0;
       },
       [](DecoderConfig& c) {
         for (size_t i = 0; i < c.alibi_slopes.size(); ++i) {
           const double share = static_cast<double>(i + 1) / static_cast<double>(c.heads);
           c.alibi_slopes[i] = static_cast<float>(std::exp2(-8.0 * share));
         }
       }, {}},
      {"positions off by one",
       [](const DecoderConfig& c) { return c.positions == PositionKind::kLearned; }, {},
       [](Decoder& d) {
         Tensor& table = *d.parameters().find(d.config().names.positions + ".weight");
         table.copy_(table.roll({1}, {0}));
       }},
  };
}

Mistakes attention_mistakes() {
  auto widen = [](int64_t by) {
    return [by](DecoderConfig& c) {
      for (LayerConfig& l : c.layers) l.window += l.window > 0 ? by : 0;
    };
  };
  return {
      {"window one too wide", has_window, widen(1), {}},
      {"window one too narrow", has_window, widen(-1), {}},
      {"window on every layer",
       [](const DecoderConfig& c) {
         return c.layers.front().window == 0 && c.layers.back().window > 0;
       },
       [](DecoderConfig& c) { c.layers.front().window = c.layers.back().window; }, {}},
      {"window on no layer", has_window,
       [](DecoderConfig& c) {
         for (LayerConfig& l : c.layers) l.window = 0;
       }, {}},
      {"score scale", always,
       [](DecoderConfig& c) {
         for (LayerConfig& l : c.layers) l.score_scale = 1.02 / std::sqrt(double(c.head_width));
       }, {}},
      {"score scale off", always,
       [](DecoderConfig& c) {
         for (LayerConfig& l : c.layers) l.score_scale = 1.0;
       }, {}},
      {"norms of q and k exchanged", has_head_norms,
       [](DecoderConfig& c) { std::swap(c.names.q_norm, c.names.k_norm); }, {}},
  };
}

// Query heads dealt round robin to the key heads (h % Hk) instead of in runs (h / group): rows of
// q and columns of the output projection change places.
void deal_heads(Decoder& decoder) {
  const DecoderConfig& c = decoder.config();
  std::vector<int64_t> rows;
  for (int64_t h = 0; h < c.heads; ++h) {
    const int64_t group = c.heads / c.kv_heads;
    const int64_t from = (h % group) * c.kv_heads + h / group;
    for (int64_t d = 0; d < c.head_width; ++d) rows.push_back(from * c.head_width + d);
  }
  const Tensor order = at::tensor(rows, at::kLong);
  each_layer(decoder, c.names.q, ".weight",
             [&](Tensor& w) { w.copy_(w.index_select(0, order)); });
  if (c.qkv_bias) {
    each_layer(decoder, c.names.q, ".bias", [&](Tensor& b) { b.copy_(b.index_select(0, order)); });
  }
  each_layer(decoder, c.names.output, ".weight",
             [&](Tensor& w) { w.copy_(w.index_select(1, order)); });
}

Mistakes projection_mistakes() {
  return {
      {"q, k, v in blocks instead of groups",
       [](const DecoderConfig& c) { return fused(c) && c.kv_heads > 1; },
       [](DecoderConfig& c) {
         const bool grouped = c.qkv_layout == QkvLayout::kGrouped;
         c.qkv_layout = grouped ? QkvLayout::kBlocks : QkvLayout::kGrouped;
       }, {}},
      {"fused rows shifted by a head", fused, {},
       [](Decoder& d) {
         const int64_t rows = d.config().transposed_linear ? 1 : 0;
         each_layer(d, d.config().names.qkv, ".weight",
                    [&](Tensor& w) { w.copy_(w.roll({d.config().head_width}, {rows})); });
       }},
      {"k and v exchanged", separate,
       [](DecoderConfig& c) { std::swap(c.names.k, c.names.v); }, {}},
      {"heads dealt round robin",
       [](const DecoderConfig& c) {
         return separate(c) && c.kv_heads > 1 && c.kv_heads < c.heads;
       }, {}, deal_heads},
      {"bias of q, k, v forgotten", [](const DecoderConfig& c) { return c.qkv_bias; }, {},
       [](Decoder& d) {
         const ModuleNames& names = d.config().names;
         each_layer(d, fused(d.config()) ? names.qkv : names.q, ".bias",
                    [](Tensor& b) { b.zero_(); });
       }},
      {"bias of the output forgotten", [](const DecoderConfig& c) { return c.output_bias; }, {},
       [](Decoder& d) {
         each_layer(d, d.config().names.output, ".bias", [](Tensor& b) { b.zero_(); });
       }},
      {"gate and up exchanged", [](const DecoderConfig& c) { return !c.names.gate.empty(); },
       [](DecoderConfig& c) { std::swap(c.names.gate, c.names.up); }, {}},
  };
}

Mistakes block_mistakes() {
  return {
      {"norm epsilon times ten", always, [](DecoderConfig& c) { c.norm_epsilon *= 10; }, {}},
      {"norm epsilon as in the other families", always,
       [](DecoderConfig& c) { c.norm_epsilon = 1e-5; }, {}},
      {"parallel instead of sequential, or the reverse", always,
       [](DecoderConfig& c) {
         const bool parallel = c.residual == ResidualKind::kParallel;
         c.residual = parallel ? ResidualKind::kSequential : ResidualKind::kParallel;
       }, {}},
      {"one norm read twice", has_two_norms, {},
       [](Decoder& d) {
         for (const char* suffix : {".weight", ".bias"}) {
           if (d.config().norm == NormKind::kRms && suffix == std::string(".bias")) continue;
           std::vector<Tensor> first;
           each_layer(d, d.config().names.attention_norm, suffix,
                      [&](Tensor& t) { first.push_back(t); });
           size_t layer = 0;
           each_layer(d, d.config().names.feed_forward_norm, suffix,
                      [&](Tensor& t) { t.copy_(first[layer++]); });
         }
       }},
      {"embedding as head", [](const DecoderConfig& c) { return !c.tied_head; },
       [](DecoderConfig& c) { c.tied_head = true; }, {}},
      {"activation", always,
       [](DecoderConfig& c) {
         const bool tanh = c.activation == Activation::kGeluTanh;
         c.activation = tanh ? Activation::kGelu : Activation::kGeluTanh;
       }, {}},
  };
}

Mistakes all_mistakes() {
  Mistakes all;
  for (const auto& part : {rotary_mistakes, other_position_mistakes, attention_mistakes,
                           projection_mistakes, block_mistakes}) {
    for (Mistake& mistake : part()) all.push_back(std::move(mistake));
  }
  return all;
}

class FamilyMistakes : public ::testing::TestWithParam<std::string> {
 protected:
  FamilyMistakes()
      : golden_(read_golden_model(GetParam())),
        files_(weights::ModelFiles::open(golden_.folder).value()),
        config_(decoder_config(files_.config()).value()) {}

  GoldenModel golden_;
  weights::ModelFiles files_;
  DecoderConfig config_;
};

TEST_P(FamilyMistakes, EachIsCaughtByTheLogits) {
  at::NoGradGuard no_grad;
  size_t tried = 0;
  for (const Mistake& mistake : all_mistakes()) {
    if (!mistake.applies(config_)) continue;
    DecoderConfig config = config_;
    if (mistake.in_config) mistake.in_config(config);
    auto decoder = Decoder::load(files_, config, LoadOptions{});
    ASSERT_TRUE(decoder.ok()) << mistake.name << ": " << decoder.error().message();
    if (mistake.in_parameters) mistake.in_parameters(**decoder);
    PathLogits run = run_paths(**decoder, golden_, Packing::kTree);
    EXPECT_GT(logit_difference(run, golden_), 2 * kTolerance) << mistake.name;
    ++tried;
  }
  EXPECT_GE(tried, 8u);
}

// Mistakes about which tensors there are do not get as far as numbers: the files contradict them.
TEST_P(FamilyMistakes, MissingAndLeftOverTensorsAreRefused) {
  const Mistakes structural = {
      {"one norm of two", has_two_norms,
       [](DecoderConfig& c) { c.names.feed_forward_norm.clear(); }, {}},
      {"two norms of one", [](const DecoderConfig& c) { return !has_two_norms(c); },
       [](DecoderConfig& c) { c.names.feed_forward_norm = "transformer.h.{}.ln_mlp"; }, {}},
      {"no norms of q and k", has_head_norms,
       [](DecoderConfig& c) {
         c.names.q_norm.clear();
         c.names.k_norm.clear();
       }, {}},
      {"the other norm", always,
       [](DecoderConfig& c) {
         c.norm = c.norm == NormKind::kRms ? NormKind::kLayer : NormKind::kRms;
       }, {}},
      {"biases", always, [](DecoderConfig& c) { c.qkv_bias = !c.qkv_bias; }, {}},
      {"a head of its own", [](const DecoderConfig& c) { return c.tied_head; },
       [](DecoderConfig& c) { c.tied_head = false; }, {}},
      {"one layer fewer", always, [](DecoderConfig& c) { c.layers.pop_back(); }, {}},
      {"transposed weights", [](const DecoderConfig& c) { return c.transposed_linear; },
       [](DecoderConfig& c) { c.transposed_linear = false; }, {}},
      {"heads of k and v", [](const DecoderConfig& c) { return c.kv_heads < c.heads; },
       [](DecoderConfig& c) { c.kv_heads = c.heads; }, {}},
  };
  for (const Mistake& mistake : structural) {
    if (!mistake.applies(config_)) continue;
    DecoderConfig config = config_;
    mistake.in_config(config);
    auto decoder = Decoder::load(files_, config, LoadOptions{});
    ASSERT_FALSE(decoder.ok()) << mistake.name;
    EXPECT_NE(decoder.error().message().find("tensor \""), std::string::npos)
        << mistake.name << ": " << decoder.error().message();
  }
}

// ALiBi as the paper has it, slope * distance, without the roundings of ops/attention.h.
class ExactAlibi : public AttentionContext {
 public:
  Tensor attend(int64_t /*layer*/, const Tensor& q, const Tensor& k, const Tensor& v,
                const ops::AttentionOptions& options) override {
    const Tensor position = at::arange(q.size(0), at::kFloat);
    const Tensor distance = position.unsqueeze(0) - position.unsqueeze(1);
    std::vector<Tensor> heads;
    for (int64_t h = 0; h < q.size(1); ++h) {
      const double slope = options.alibi_slopes[static_cast<size_t>(h)] * options.alibi_scale;
      const double scale = 1.0 / std::sqrt(static_cast<double>(q.size(2)));
      Tensor scores = q.select(1, h).matmul(k.select(1, h).t()) * scale + distance * slope;
      scores = scores.masked_fill(distance > 0, -std::numeric_limits<double>::infinity());
      heads.push_back(scores.softmax(-1).matmul(v.select(1, h)));
    }
    return at::stack(heads, 1);
  }
};

TEST(FalconRw, ExactAlibiIsCaught) {
  at::NoGradGuard no_grad;
  const GoldenModel golden = read_golden_model("falcon_rw_12");
  const Tensor expected =
      read_golden_tensors(join_path(golden.folder, "long.safetensors")).at("logits");
  const auto files = weights::ModelFiles::open(golden.folder).value();
  const auto decoder = Decoder::load(files, LoadOptions{}).value();
  std::vector<int64_t> tokens;
  for (int64_t i = 0; i < 700; ++i) tokens.push_back((7 * i * i + 3 * i) % 61);
  ExactAlibi attention;
  const Tensor hidden =
      decoder->forward(at::tensor(tokens, at::kLong), at::arange(700), attention);
  const Tensor last = decoder->logits(hidden.narrow(0, 696, 4));
  EXPECT_GT(relative_difference(last, expected), 10 * kTolerance);
  EXPECT_LT(relative_difference(last, expected), 0.3) << "wrong in more than the rounding";
}

INSTANTIATE_TEST_SUITE_P(Families, FamilyMistakes, ::testing::ValuesIn(golden_model_names()),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace attune::engine::models
