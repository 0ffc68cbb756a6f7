#include "feedback/power.h"

#include <cmath>
#include <numbers>

#include "base/check.h"

namespace attune::feedback {
namespace {

// A rational approximation of the lower half, good to 1e-9; the step below makes it exact.
double rough_quantile(double p) {
  static constexpr double kA[] = {-3.969683028665376e+01, 2.209460984245205e+02,
                                  -2.759285104469687e+02, 1.383577518672690e+02,
                                  -3.066479806614716e+01, 2.506628277459239e+00};
  static constexpr double kB[] = {-5.447609879822406e+01, 1.615858368580409e+02,
                                  -1.556989798598866e+02, 6.680131188771972e+01,
                                  -1.328068155288572e+01};
  static constexpr double kC[] = {-7.784894002430293e-03, -3.223964580411365e-01,
                                  -2.400758277161838e+00, -2.549732539343734e+00,
                                  4.374664141464968e+00, 2.938163982698783e+00};
  static constexpr double kD[] = {7.784695709041462e-03, 3.224671290700398e-01,
                                  2.445134137142996e+00, 3.754408661907416e+00};
  if (p < 0.02425) {
    const double q = std::sqrt(-2 * std::log(p));
    return (((((kC[0] * q + kC[1]) * q + kC[2]) * q + kC[3]) * q + kC[4]) * q + kC[5]) /
           ((((kD[0] * q + kD[1]) * q + kD[2]) * q + kD[3]) * q + 1);
  }
  const double q = p - 0.5, r = q * q;
  return (((((kA[0] * r + kA[1]) * r + kA[2]) * r + kA[3]) * r + kA[4]) * r + kA[5]) * q /
         (((((kB[0] * r + kB[1]) * r + kB[2]) * r + kB[3]) * r + kB[4]) * r + 1);
}

}  // namespace

double normal_quantile(double probability) {
  CHECK(probability > 0 && probability < 1);
  if (probability > 0.5) return -normal_quantile(1 - probability);
  const double x = rough_quantile(probability);
  const double error = 0.5 * std::erfc(-x / std::numbers::sqrt2) - probability;
  const double step = error * std::sqrt(2 * std::numbers::pi) * std::exp(x * x / 2);
  return x - step / (1 + x * step / 2);
}

Result<int64_t> comparisons_needed(double win_rate, const PowerOptions& options) {
  if (!(win_rate > 0 && win_rate < 1) || win_rate == 0.5) {
    return invalid_input("a win rate of {} cannot be told from 0.5: give one between 0 and 1 that "
                         "differs from it",
                         win_rate);
  }
  if (!(options.level > 0 && options.level < 1 && options.power > 0 && options.power < 1 &&
        options.tie_rate >= 0 && options.tie_rate < 1)) {
    return invalid_input("level {} and power {} must be between 0 and 1, the tie rate {} from 0 to "
                         "below 1",
                         options.level, options.power, options.tie_rate);
  }
  const double z_level = normal_quantile(1 - options.level / 2);
  const double z_power = normal_quantile(options.power);
  const double distance = win_rate - 0.5;
  const double root = z_level * 0.5 + z_power * std::sqrt(win_rate * (1 - win_rate));
  const double decided = root * root / (distance * distance);
  return static_cast<int64_t>(std::ceil(decided / (1 - options.tie_rate)));
}

}  // namespace attune::feedback
