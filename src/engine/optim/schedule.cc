#include "engine/optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace attune::engine::optim {

Result<Schedule> Schedule::create(const ScheduleOptions& options) {
  Schedule schedule;
  if (options.type == "linear") {
    schedule.shape_ = Shape::kLinear;
  } else if (options.type == "cosine" || options.type == "cosine_with_min_lr") {
    schedule.shape_ = Shape::kCosine;
  } else if (options.type == "constant") {
    schedule.shape_ = Shape::kConstant;
  } else if (options.type == "constant_with_warmup") {
    schedule.shape_ = Shape::kConstantWithWarmup;
  } else {
    return invalid_input(
        "lr_scheduler_type: {} is not available; use linear, cosine, cosine_with_min_lr, constant "
        "or constant_with_warmup",
        options.type);
  }
  if (!(options.warmup_steps >= 0)) {
    return invalid_input("warmup_steps: {} is negative; use 0 or more", options.warmup_steps);
  }
  if (!(options.min_lr_rate >= 0 && options.min_lr_rate <= 1)) {
    return invalid_input("min_lr_rate: {} is outside of 0 to 1", options.min_lr_rate);
  }
  schedule.total_ = options.total_steps;
  schedule.warmup_ = static_cast<int64_t>(
      options.warmup_steps >= 1
          ? std::trunc(options.warmup_steps)
          : std::ceil(static_cast<double>(options.total_steps) * options.warmup_steps));
  schedule.floor_ = options.type == "cosine_with_min_lr" ? options.min_lr_rate : 0;
  return schedule;
}

double Schedule::factor(int64_t step) const {
  if (shape_ == Shape::kConstant) return 1.0;
  if (step < warmup_) {
    return static_cast<double>(step) / static_cast<double>(std::max<int64_t>(1, warmup_));
  }
  const double span = static_cast<double>(std::max<int64_t>(1, total_ - warmup_));
  switch (shape_) {
    case Shape::kLinear: return std::max(0.0, static_cast<double>(total_ - step) / span);
    case Shape::kCosine: {
      const double progress = static_cast<double>(step - warmup_) / span;
      const double cosine = 0.5 * (1.0 + std::cos(std::numbers::pi * progress));
      return std::max(0.0, cosine * (1 - floor_) + floor_);
    }
    case Shape::kConstant:
    case Shape::kConstantWithWarmup: return 1.0;
  }
  return 1.0;
}

}  // namespace attune::engine::optim
