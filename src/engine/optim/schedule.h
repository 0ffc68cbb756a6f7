// Learning-rate schedules with the formulas of Transformers 5.23 (optimization.py), counted per
// optimiser step: the update number s (from 0) uses base rate * factor(s).
//
// With w warm-up steps and n steps in all, after s < w gave s / max(1, w):
//   linear                max(0, (n - s) / max(1, n - w))
//   cosine                max(0, (1 + cos(pi * (s - w) / max(1, n - w))) / 2)
//   cosine_with_min_lr    the cosine c above as c * (1 - m) + m, m = min_lr_rate
//   constant              1, without warm-up
//   constant_with_warmup  1
// Pure values; thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace attune::engine::optim {

struct ScheduleOptions {
  std::string type = "linear";  // lr_scheduler_type
  int64_t total_steps = 0;      // n
  // Transformers' warmup_steps: below 1 a share of total_steps (rounded up), else a count (its
  // fraction is cut off).
  double warmup_steps = 0;
  double min_lr_rate = 0;  // cosine_with_min_lr only
};

class Schedule {
 public:
  // Errors (kInvalidInput): an unknown type, a negative warm-up, min_lr_rate outside of [0, 1].
  static Result<Schedule> create(const ScheduleOptions& options);

  double factor(int64_t step) const;
  int64_t warmup_steps() const { return warmup_; }

 private:
  enum class Shape { kLinear, kCosine, kConstant, kConstantWithWarmup };
  Shape shape_ = Shape::kLinear;
  int64_t warmup_ = 0;
  int64_t total_ = 0;
  double floor_ = 0;
};

}  // namespace attune::engine::optim
