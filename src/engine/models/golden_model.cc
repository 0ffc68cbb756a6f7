#include "engine/models/golden_model.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/zeros.h>

#include <set>

#include "base/check.h"
#include "base/file.h"
#include "base/json.h"
#include "engine/ops/quantized_matrix.h"
#include "tests/support/test_paths.h"
#include "weights/model_files.h"
#include "weights/quant_blocks.h"
#include "weights/safetensors.h"

namespace attune::engine::models {
namespace {

// Indices of a path's segments, root first.
std::vector<int64_t> path_segments(const GoldenModel& golden, int64_t leaf) {
  std::vector<int64_t> path;
  for (int64_t at = leaf; at >= 0; at = golden.tree[static_cast<size_t>(at)].parent) {
    path.insert(path.begin(), at);
  }
  return path;
}

std::vector<int32_t> path_tokens(const GoldenModel& golden, int64_t leaf) {
  std::vector<int32_t> tokens;
  for (int64_t index : path_segments(golden, leaf)) {
    const auto& more = golden.tree[static_cast<size_t>(index)].tokens;
    tokens.insert(tokens.end(), more.begin(), more.end());
  }
  return tokens;
}

std::vector<int64_t> leaves(const GoldenModel& golden) {
  std::set<int64_t> parents;
  for (const GoldenSegment& segment : golden.tree) parents.insert(segment.parent);
  std::vector<int64_t> leaves;
  for (int64_t i = 0; i < static_cast<int64_t>(golden.tree.size()); ++i) {
    if (!parents.contains(i)) leaves.push_back(i);
  }
  return leaves;
}

Tensor path_nll(const Tensor& logits, const std::vector<int32_t>& tokens) {
  Tensor targets = at::empty({static_cast<int64_t>(tokens.size()) - 1}, at::kLong);
  for (size_t i = 1; i < tokens.size(); ++i) {
    targets.data_ptr<int64_t>()[i - 1] = tokens[i];
  }
  Tensor log_probs = at::log_softmax(logits.narrow(0, 0, targets.size(0)), -1).to(at::kCPU);
  return -log_probs.gather(1, targets.unsqueeze(1)).sum();
}

// Hidden states of every path, by leaf.
std::map<int64_t, Tensor> hidden_of_paths(Decoder& decoder, const GoldenModel& golden,
                                          Packing packing, const ForwardOptions& options) {
  std::map<int64_t, Tensor> hidden;
  PackedBatch batch;
  std::vector<int64_t> segments;  // of the batch, by segment of the tree or by path
  if (packing == Packing::kTree) {
    for (const GoldenSegment& segment : golden.tree) {
      if (segment.parent < 0) batch.add_root(segment.tokens);
      else batch.add_child(segment.parent, segment.tokens);
    }
    Tensor all = decoder.forward(batch, options);
    for (int64_t leaf : leaves(golden)) {
      std::vector<Tensor> parts;
      for (int64_t index : path_segments(golden, leaf)) {
        const ops::Segment& segment = batch.layout.segment(index);
        parts.push_back(all.narrow(0, segment.begin, segment.length));
      }
      hidden[leaf] = at::cat(parts, 0);
    }
    return hidden;
  }
  for (int64_t leaf : leaves(golden)) {
    std::vector<int32_t> tokens = path_tokens(golden, leaf);
    if (packing == Packing::kPlain) batch = {};
    segments.push_back(batch.add_root(tokens));
    if (packing == Packing::kPlain) hidden[leaf] = decoder.forward(batch, options);
  }
  if (packing == Packing::kPlain) return hidden;
  Tensor all = decoder.forward(batch, options);
  size_t next = 0;
  for (int64_t leaf : leaves(golden)) {
    const ops::Segment& segment = batch.layout.segment(segments[next++]);
    hidden[leaf] = all.narrow(0, segment.begin, segment.length);
  }
  return hidden;
}

}  // namespace

std::vector<std::string> golden_model_names() {
  const std::string root = testing::source_path("tests/golden/models");
  auto listed = list_directory(root);
  CHECK(listed.ok(), "{}", listed.error().message());
  std::vector<std::string> names;
  for (const std::string& name : *listed) {
    if (exists(join_path(root, name + "/golden.json"))) names.push_back(name);
  }
  return names;
}

GoldenModel read_golden_model(const std::string& name) {
  GoldenModel golden{name, testing::source_path("tests/golden/models/" + name), {}, 0.0, {}};
  auto json = read_json_file(join_path(golden.folder, "golden.json"));
  CHECK(json.ok(), "{}", json.error().message());
  golden.loss = json->at("loss").get<double>();
  for (const Json& segment : json->at("tree")) {
    golden.tree.push_back({segment.at("parent").get<int64_t>(),
                           segment.at("tokens").get<std::vector<int32_t>>()});
  }
  golden.tensors = read_golden_tensors(join_path(golden.folder, "golden.safetensors"));
  return golden;
}

std::map<std::string, Tensor> read_golden_tensors(const std::string& path) {
  auto file = weights::SafetensorsFile::open(path);
  CHECK(file.ok(), "{}", file.error().message());
  std::map<std::string, Tensor> tensors;
  for (const weights::TensorView& view : file->tensors()) {
    Tensor tensor = at::empty(view.shape);
    Status read = weights::to_float(view, {tensor.data_ptr<float>(),
                                           static_cast<size_t>(tensor.numel())});
    CHECK(read.ok(), "{}", read.error().message());
    tensors.emplace(view.name, tensor);
  }
  return tensors;
}

std::unique_ptr<Decoder> load_dequantised(const std::string& name, const std::string& format) {
  auto files = weights::ModelFiles::open(testing::source_path("tests/golden/models/" + name));
  auto dense = Decoder::load(*files, {});
  CHECK(dense.ok(), "{}", dense.error().message());
  const auto kind = format == "q8_0"   ? ops::BlockFormat::kQ8_0
                    : format == "q4_0" ? ops::BlockFormat::kQ4_0
                                       : ops::BlockFormat::kQ4_1;
  const DecoderConfig& config = (*dense)->config();
  for (const nn::Parameter& parameter : (*dense)->parameters().all()) {
    if (parameter.tensor.dim() != 2 || parameter.name.starts_with(config.names.positions + ".")) {
      continue;
    }
    const bool transposed =
        config.transposed_linear && !parameter.name.starts_with(config.names.embedding);
    Tensor matrix = transposed ? parameter.tensor.t().contiguous() : parameter.tensor;
    if (matrix.size(1) % 32 != 0 || matrix.size(0) < 32) continue;
    Tensor rounded = ops::QuantizedMatrix::quantize(matrix, kind).dequantize();
    Tensor target = parameter.tensor;
    target.copy_(transposed ? rounded.t() : rounded);
  }
  return std::move(dense).value();
}

PathLogits run_paths(Decoder& decoder, const GoldenModel& golden, Packing packing,
                     const ForwardOptions& options) {
  PathLogits run;
  Tensor total = at::zeros({});
  int64_t count = 0;
  for (const auto& [leaf, hidden] : hidden_of_paths(decoder, golden, packing, options)) {
    Tensor logits = at::linear(hidden, decoder.head_weight());
    total = total + path_nll(logits, path_tokens(golden, leaf));
    count += logits.size(0) - 1;
    run.logits[leaf] = logits.detach().to(at::kCPU);
  }
  run.loss = total / static_cast<double>(count);
  return run;
}

double relative_difference(const Tensor& actual, const Tensor& expected) {
  CHECK(actual.sizes() == expected.sizes(), "shapes differ");
  Tensor wide = expected.to(at::kDouble);
  double largest = wide.abs().max().item<double>();
  return (actual.to(wide.device(), at::kDouble) - wide).abs().max().item<double>() / largest;
}

double logit_difference(const PathLogits& run, const GoldenModel& golden) {
  double worst = 0.0;
  for (const auto& [leaf, logits] : run.logits) {
    const Tensor& expected = golden.tensors.at("logits." + std::to_string(leaf));
    worst = std::max(worst, relative_difference(logits, expected));
  }
  return worst;
}

}  // namespace attune::engine::models
