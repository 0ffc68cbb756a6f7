#include "engine/models/rotary_config.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

namespace attune::engine::models {
namespace {

constexpr double kTau = 2.0 * std::numbers::pi;

double llama3_frequency(const RotaryConfig& config, double frequency) {
  double wavelength = kTau / frequency;
  if (wavelength < config.original_context / config.high_frequency) return frequency;
  if (wavelength > config.original_context / config.low_frequency) return frequency / config.factor;
  double smooth = (config.original_context / wavelength - config.low_frequency) /
                  (config.high_frequency - config.low_frequency);
  return (1.0 - smooth) * frequency / config.factor + smooth * frequency;
}

// The dimension whose frequency makes `rotations` full turns within the original context.
double yarn_dimension(const RotaryConfig& config, double rotations) {
  double turns = std::log(config.original_context / (rotations * kTau));
  return static_cast<double>(config.width) * turns / (2.0 * std::log(config.theta));
}

void scale_yarn(const RotaryConfig& config, std::vector<double>& frequencies) {
  double low = yarn_dimension(config, config.beta_fast);
  double high = yarn_dimension(config, config.beta_slow);
  if (config.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, static_cast<double>(config.width - 1));
  if (low == high) high += 0.001;
  for (size_t i = 0; i < frequencies.size(); ++i) {
    double ramp = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
    frequencies[i] *= ramp / config.factor + (1.0 - ramp);
  }
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

std::vector<double> inverse_frequencies(const RotaryConfig& config) {
  std::vector<double> frequencies;
  double width = static_cast<double>(config.width);
  for (int64_t i = 0; i < config.width; i += 2) {
    frequencies.push_back(std::pow(config.theta, -static_cast<double>(i) / width));
  }
  if (config.scaling == RopeScaling::kLinear) {
    for (double& f : frequencies) f /= config.factor;
  } else if (config.scaling == RopeScaling::kLlama3) {
    for (double& f : frequencies) f = llama3_frequency(config, f);
  } else if (config.scaling == RopeScaling::kYarn) {
    scale_yarn(config, frequencies);
  }
  return frequencies;
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
