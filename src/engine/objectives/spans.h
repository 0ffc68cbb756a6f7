// Which of N packed values belong to which sequence: S sequences back to back, without padding.
// Token-wise objectives take [N] tensors and a Spans.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/tensor/tensor.h"

namespace attune::engine::objectives {

class Spans {
 public:
  // Lengths >= 0 of the sequences, in their order.
  explicit Spans(std::vector<int64_t> lengths);

  int64_t count() const { return static_cast<int64_t>(lengths_.size()); }  // S
  int64_t total() const { return total_; }                                 // N
  int64_t begin(int64_t sequence) const { return begins_[static_cast<size_t>(sequence)]; }
  int64_t length(int64_t sequence) const { return lengths_[static_cast<size_t>(sequence)]; }
  const std::vector<int64_t>& lengths() const { return lengths_; }

  // Sum of each sequence's values: [N] -> [S], differentiable.
  Tensor sums(const Tensor& values) const;
  // Sum of the first heads[s] values of each sequence (fewer where it is shorter): the part that
  // both sides have in LD-DPO. [N] -> [S], differentiable.
  Tensor head_sums(const Tensor& values, const std::vector<int64_t>& heads) const;
  // The mean of each sequence's values; 0 for an empty sequence. [N] -> [S], differentiable.
  Tensor means(const Tensor& values) const;
  // Each sequence's value at all its tokens: [S] -> [N], differentiable.
  Tensor spread(const Tensor& per_sequence) const;

 private:
  Tensor owners(const Tensor& like) const;  // [N] int64: the sequence of each token

  std::vector<int64_t> lengths_, begins_;
  int64_t total_ = 0;
};

}  // namespace attune::engine::objectives
