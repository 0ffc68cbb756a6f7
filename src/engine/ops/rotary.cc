#include "engine/ops/rotary.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>

#include <cmath>

#include "base/check.h"

namespace attune::engine::ops {

RotaryTable make_rotary_table(const std::vector<double>& inverse_frequencies, int64_t positions,
                              double attention_factor) {
  const auto half = static_cast<int64_t>(inverse_frequencies.size());
  RotaryTable table{at::empty({positions, half}), at::empty({positions, half})};
  float* cos = table.cos.data_ptr<float>();
  float* sin = table.sin.data_ptr<float>();
  for (int64_t p = 0; p < positions; ++p) {
    for (int64_t i = 0; i < half; ++i) {
      const double angle = static_cast<double>(p) * inverse_frequencies[static_cast<size_t>(i)];
      cos[p * half + i] = static_cast<float>(std::cos(angle) * attention_factor);
      sin[p * half + i] = static_cast<float>(std::sin(angle) * attention_factor);
    }
  }
  return table;
}

Tensor rotate_reference(const Tensor& x, const RotaryTable& table, const Tensor& positions) {
  const int64_t half = table.cos.size(1);
  CHECK(2 * half <= x.size(2), "rotary dim {} of heads of {}", 2 * half, x.size(2));
  const auto type = x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const Tensor cos = table.cos.index_select(0, positions).to(type).unsqueeze(1);
  const Tensor sin = table.sin.index_select(0, positions).to(type).unsqueeze(1);
  const Tensor low = x.narrow(2, 0, half).to(type);
  const Tensor high = x.narrow(2, half, half).to(type);
  std::vector<Tensor> parts{(low * cos - high * sin).to(x.scalar_type()),
                            (high * cos + low * sin).to(x.scalar_type())};
  if (2 * half < x.size(2)) parts.push_back(x.narrow(2, 2 * half, x.size(2) - 2 * half));
  return at::cat(parts, 2);
}

Tensor rotate(const Tensor& x, const RotaryTable& table, const Tensor& positions) {
  return rotate_reference(x, table, positions);
}

}  // namespace attune::engine::ops
