#include "engine/objectives/spans.h"

#include <ATen/ops/index_select.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include "base/check.h"

namespace attune::engine::objectives {

Spans::Spans(std::vector<int64_t> lengths) : lengths_(std::move(lengths)) {
  for (const int64_t length : lengths_) {
    CHECK(length >= 0);
    begins_.push_back(total_);
    total_ += length;
  }
}

Tensor Spans::owners(const Tensor& like) const {
  std::vector<int64_t> owners;
  owners.reserve(static_cast<size_t>(total_));
  for (int64_t s = 0; s < count(); ++s) {
    owners.insert(owners.end(), static_cast<size_t>(length(s)), s);
  }
  return at::tensor(owners, at::kLong).to(like.device());
}

Tensor Spans::sums(const Tensor& values) const {
  CHECK(values.dim() == 1 && values.size(0) == total_, "{} values for {} tokens",
        values.numel(), total_);
  return at::zeros({count()}, values.options()).index_add(0, owners(values), values);
}

Tensor Spans::head_sums(const Tensor& values, const std::vector<int64_t>& heads) const {
  CHECK(heads.size() == lengths_.size());
  std::vector<double> kept;
  kept.reserve(static_cast<size_t>(total_));
  for (size_t s = 0; s < heads.size(); ++s) {
    for (int64_t t = 0; t < lengths_[s]; ++t) kept.push_back(t < heads[s] ? 1 : 0);
  }
  return sums(values * at::tensor(kept, at::kDouble).to(values.options()));
}

Tensor Spans::means(const Tensor& values) const {
  std::vector<double> divisors;
  for (const int64_t length : lengths_)
    divisors.push_back(static_cast<double>(length ? length : 1));
  return sums(values) / at::tensor(divisors, at::kDouble).to(values.options());
}

Tensor Spans::spread(const Tensor& per_sequence) const {
  CHECK(per_sequence.dim() == 1 && per_sequence.size(0) == count());
  return at::index_select(per_sequence, 0, owners(per_sequence));
}

}  // namespace attune::engine::objectives
