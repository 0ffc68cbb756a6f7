#include "engine/models/rotary_config.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/where.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include "base/check.h"

namespace attune::engine::models {
namespace {

constexpr double kTau = 2.0 * std::numbers::pi;

// The order of operations in the functions on tensors is that of Transformers'
// modeling_rope_utils.py, in fp32: decision 0008.

Tensor scale_llama3(const RotaryConfig& config, const Tensor& frequencies) {
  const double longest = config.original_context / config.low_frequency;
  const double shortest = config.original_context / config.high_frequency;
  const Tensor wavelength = frequencies.reciprocal() * kTau;
  const Tensor scaled = at::where(wavelength > longest, frequencies / config.factor, frequencies);
  const Tensor smooth = (wavelength.reciprocal() * config.original_context - config.low_frequency) /
                        (config.high_frequency - config.low_frequency);
  const Tensor between = (1.0 - smooth) * scaled / config.factor + smooth * scaled;
  const Tensor is_outside = (wavelength < shortest).logical_or(wavelength > longest);
  return at::where(is_outside, scaled, between);
}

// The dimension whose frequency makes `rotations` full turns within the original context.
double yarn_dimension(const RotaryConfig& config, double rotations) {
  double turns = std::log(config.original_context / (rotations * kTau));
  return static_cast<double>(config.width) * turns / (2.0 * std::log(config.theta));
}

Tensor scale_yarn(const RotaryConfig& config, const Tensor& powers) {
  double low = yarn_dimension(config, config.beta_fast);
  double high = yarn_dimension(config, config.beta_slow);
  if (config.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, static_cast<double>(config.width - 1));
  if (low == high) high += 0.001;
  const Tensor steps = at::arange(config.width / 2, at::kFloat);
  const Tensor extrapolated = 1.0 - ((steps - low) / (high - low)).clamp(0.0, 1.0);
  return (powers * config.factor).reciprocal() * (1.0 - extrapolated) +
         powers.reciprocal() * extrapolated;
}

double yarn_magnitude(double factor, double mscale) {
  return factor <= 1.0 ? 1.0 : 0.1 * mscale * std::log(factor) + 1.0;
}

Status read_llama3(const Json& rope, RotaryConfig& rotary) {
  rotary.low_frequency = TRY(get_double(rope, "low_freq_factor"));
  rotary.high_frequency = TRY(get_double(rope, "high_freq_factor"));
  if (rotary.low_frequency <= 0 || rotary.high_frequency <= rotary.low_frequency) {
    return invalid_input("high_freq_factor {} must be above low_freq_factor {}, both above 0",
                         rotary.high_frequency, rotary.low_frequency);
  }
  return {};
}

Status read_yarn(const Json& rope, RotaryConfig& rotary) {
  rotary.beta_fast = TRY(get_double_or(rope, "beta_fast", 32.0));
  rotary.beta_slow = TRY(get_double_or(rope, "beta_slow", 1.0));
  rotary.truncate = TRY(get_bool_or(rope, "truncate", true));
  double mscale = TRY(get_double_or(rope, "mscale", 0.0));
  double mscale_all = TRY(get_double_or(rope, "mscale_all_dim", 0.0));
  double magnitude = yarn_magnitude(rotary.factor, 1.0);
  if (mscale != 0.0 && mscale_all != 0.0) {
    magnitude = yarn_magnitude(rotary.factor, mscale) / yarn_magnitude(rotary.factor, mscale_all);
  }
  rotary.attention_factor = TRY(get_double_or(rope, "attention_factor", magnitude));
  if (rotary.beta_fast <= 0 || rotary.beta_slow <= 0 || rotary.theta <= 1.0) {
    return invalid_input("beta_fast and beta_slow must be above 0 and rope_theta above 1");
  }
  return {};
}

Status read_scaling(const Json& config, const Json& rope, int64_t context, RotaryConfig& rotary) {
  std::string legacy = TRY(get_string_or(rope, "type", "default"));
  std::string kind = TRY(get_string_or(rope, "rope_type", legacy));
  if (kind == "default") return {};
  if (kind == "linear") rotary.scaling = RopeScaling::kLinear;
  if (kind == "llama3") rotary.scaling = RopeScaling::kLlama3;
  if (kind == "yarn") rotary.scaling = RopeScaling::kYarn;
  if (rotary.scaling == RopeScaling::kNone) {
    return unsupported("rope_type \"{}\" is not known here; known are default, linear, llama3 and "
                       "yarn", kind);
  }
  rotary.factor = TRY(get_double(rope, "factor"));
  if (!(rotary.factor > 0.0)) return invalid_input("factor {} must be above 0", rotary.factor);
  int64_t trained = TRY(get_int_or(rope, "original_max_position_embeddings", context));
  trained = TRY(get_int_or(config, "original_max_position_embeddings", trained));
  if (trained <= 0) {
    return invalid_input("original_max_position_embeddings {} must be above 0", trained);
  }
  rotary.original_context = static_cast<double>(trained);
  if (rotary.scaling == RopeScaling::kLlama3) return read_llama3(rope, rotary);
  if (rotary.scaling == RopeScaling::kYarn) return read_yarn(rope, rotary);
  return {};
}

}  // namespace

Tensor inverse_frequencies(const RotaryConfig& config) {
  const Tensor exponents = at::arange(0, config.width, 2).to(at::kFloat) / config.width;
  const Tensor powers = at::pow(config.theta, exponents);
  switch (config.scaling) {
    case RopeScaling::kNone: return powers.reciprocal();
    case RopeScaling::kLinear: return powers.reciprocal() / config.factor;
    case RopeScaling::kLlama3: return scale_llama3(config, powers.reciprocal());
    case RopeScaling::kYarn: return scale_yarn(config, powers);
  }
  CHECK(false, "a scaling without implementation");
}

Result<RotaryConfig> read_rotary(const Json& config, const RotaryDefaults& defaults) {
  const Json* rope = find(config, "rope_parameters");
  const char* key = "rope_parameters";
  if (rope == nullptr) {
    rope = find(config, "rope_scaling");
    key = "rope_scaling";
  }
  const Json none = Json::object();
  if (rope == nullptr) rope = &none;
  if (!rope->is_object()) return invalid_input("{}: must be an object", key);
  RotaryConfig rotary;
  double theta = TRY(get_double_or(config, "rope_theta", defaults.theta));
  rotary.theta = TRY(get_double_or(*rope, "rope_theta", theta));
  if (!(rotary.theta > 0.0)) return invalid_input("rope_theta {} must be above 0", rotary.theta);
  double share = TRY(get_double_or(config, "partial_rotary_factor", defaults.rotated_share));
  share = TRY(get_double_or(*rope, "partial_rotary_factor", share));
  rotary.width = static_cast<int64_t>(static_cast<double>(defaults.head_width) * share);
  if (rotary.width <= 0 || rotary.width % 2 != 0 || rotary.width > defaults.head_width) {
    return invalid_input("partial_rotary_factor {} of heads {} wide rotates {} elements; that must "
                         "be an even number up to the width", share, defaults.head_width,
                         rotary.width);
  }
  Status scaling = read_scaling(config, *rope, defaults.context, rotary);
  if (!scaling.ok()) return scaling.error().with_context(key);
  return rotary;
}

}  // namespace attune::engine::models
