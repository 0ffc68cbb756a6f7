// Forgetful causal masking (FCM, arXiv 2210.13432): in training, each query is kept from seeing a
// few of the tokens before it, at random, in place of dropout. As Chain of Hindsight's code does it
// (losses.md §13.2): every sequence draws its own share from U(low, high), every (query, key) pair
// is hidden with that probability, key 0 never is, and one mask serves all layers and heads.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/ops/packed_layout.h"
#include "engine/tensor/tensor.h"

namespace attune::engine::ops {

struct ForgetfulShare {
  double low = 0;   // in [0, 1)
  double high = 0;  // from low up; 0: nothing is hidden

  bool on() const { return high > 0; }
};

// For every segment of a flat layout (roots only) its pairs [T, T] bool, true = hidden: for
// tree_attention_hiding(). A pure function of its arguments: resumed runs draw the same masks.
std::vector<Tensor> forgetful_masks(const PackedLayout& layout, const ForgetfulShare& share,
                                    uint64_t seed);

}  // namespace attune::engine::ops
