#include "feedback/squared_steps.h"

#include <algorithm>
#include <cmath>

namespace attune::feedback {
namespace {

constexpr double kGrowth = 4;  // of the bound, when a step reached it or had to be taken back

}  // namespace

bool SquaredSteps::advance(Point& point, Point& image, double objective, bool extrapolate) {
  const double rounding = 1e-13 * std::abs(least_);
  if (last_ == Last::kLong && !(objective >= least_ - rounding)) {
    longest_ = std::max(1.0, longest_ / kGrowth);
    point.swap(fallback_);
    last_ = Last::kAny;
    return false;
  }
  if (last_ == Last::kPlain && extrapolate && leap(point, image)) {
    least_ = objective;
    fallback_.swap(image);
    last_ = Last::kLong;
    return false;
  }
  start_.swap(point);
  point.swap(image);
  last_ = Last::kPlain;
  return true;
}

// From start_, its step `point` and the next, `image`: start - 2 a r + a^2 v, where r is the first
// step, v the change of steps and a = -|r| / |v|; a = -1 is `image` itself.
bool SquaredSteps::leap(Point& point, const Point& image) {
  double step = 0, change = 0;
  for (size_t i = 0; i < point.size(); ++i) {
    const double r = point[i] - start_[i];
    const double v = image[i] - point[i] - r;
    step += r * r;
    change += v * v;
  }
  if (!(step > change) || !(change > 0)) return false;
  const double length = std::min(std::sqrt(step / change), longest_);
  if (length == longest_) longest_ *= kGrowth;
  if (length <= 1) return false;
  for (size_t i = 0; i < point.size(); ++i) {
    const double r = point[i] - start_[i];
    const double v = image[i] - point[i] - r;
    point[i] = start_[i] + 2 * length * r + length * length * v;
  }
  repair_(point, image);
  return true;
}

}  // namespace attune::feedback
