// The small models of tests/golden/models and what Transformers computed with them. For tests only.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/models/decoder.h"
#include "engine/tensor/tensor.h"

namespace attune::engine::models {

constexpr double kTolerance = 1e-5;  // of the largest value, fp32

struct GoldenSegment {
  int64_t parent = -1;
  std::vector<int32_t> tokens;
};

struct GoldenModel {
  std::string name;
  std::string folder;
  std::vector<GoldenSegment> tree;
  double loss = 0.0;
  std::map<std::string, Tensor> tensors;  // logits.LEAF and grad.PARAMETER
};

// The folders under tests/golden/models, sorted.
std::vector<std::string> golden_model_names();
GoldenModel read_golden_model(const std::string& name);
// All tensors of a safetensors file in fp32.
std::map<std::string, Tensor> read_golden_tensors(const std::string& path);
// The small model with the values that its matrices have after rounding into blocks, dense.
std::unique_ptr<Decoder> load_dequantised(const std::string& name, const std::string& format);

// How the tree's root-to-leaf paths are run: each alone, all as sequences of one batch, or as a
// tree.
enum class Packing { kPlain, kPacked, kTree };

struct PathLogits {
  std::map<int64_t, Tensor> logits;  // by leaf, [tokens of its path, V]
  Tensor loss;                       // mean negative log-likelihood of the next token
};

// Runs the paths; with kPlain in one pass per path.
PathLogits run_paths(Decoder& decoder, const GoldenModel& golden, Packing packing,
                     const ForwardOptions& options = {});

// max |actual - expected| / max |expected|, in double precision.
double relative_difference(const Tensor& actual, const Tensor& expected);
// The largest over all paths.
double logit_difference(const PathLogits& run, const GoldenModel& golden);

}  // namespace attune::engine::models
