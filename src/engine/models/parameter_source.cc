#include "engine/models/parameter_source.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <array>
#include <set>
#include <span>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/resident.h"
#include "engine/models/score_head.h"
#include "engine/nn/seeded.h"

namespace attune::engine::models {
namespace {

// What published checkpoints hold beside parameters: buffers that follow from the config.
bool is_buffer(std::string_view name) {
  constexpr std::array<std::string_view, 5> kBuffers = {
      ".rotary_emb.inv_freq", ".attn.bias", ".attn.masked_bias", ".attention.bias",
      ".attention.masked_bias"};
  return std::any_of(kBuffers.begin(), kBuffers.end(),
                     [&](std::string_view buffer) { return name.ends_with(buffer); });
}

class FileSource : public ParameterSource {
 public:
  explicit FileSource(const weights::ModelFiles& files) : files_(files) {}

  Result<Tensor> tensor(const std::string& name, at::IntArrayRef shape,
                        ParameterKind /*kind*/) override {
    std::string stored = TRY(stored_name(name));
    TRY(check_shape(stored, shape));
    Tensor tensor = at::empty(shape);
    std::span<float> values(tensor.data_ptr<float>(), static_cast<size_t>(tensor.numel()));
    TRY(files_.read(stored, values));
    taken_.insert(stored);
    return tensor;
  }

  Result<std::optional<ops::QuantizedMatrix>> blocks(const std::string& name, int64_t rows,
                                                     int64_t columns) override;

  Status finish(const DecoderConfig& config) override {
    for (const std::string& name : files_.tensor_names()) {
      if (taken_.count(name) != 0 || is_buffer(name)) continue;
      if (name.starts_with("lm_head.") || name.starts_with("embed_out.")) continue;
      return unsupported("tensor \"{}\" is no part of a {} as config.json describes it; does "
                         "config.json belong to these weights?", name, config.architecture);
    }
    drop_files();
    return {};
  }

 private:
  // The trunk has its own copy of everything: the files, whose tensors are mapped, need not stay in
  // memory beside it.
  void drop_files() const {
    for (const std::string& name : taken_) {
      const weights::TensorView& view = files_.stored(name)->view;
      drop_mapped_pages(view.data, view.bytes);
    }
  }

  // The name under which the files hold a parameter.
  Result<std::string> stored_name(const std::string& name) const {
    if (files_.find(name) != nullptr) return name;
    std::string bare = name.substr(name.find('.') + 1);
    if (files_.find(bare) != nullptr) return bare;
    return invalid_input("tensor \"{}\" is missing; the model's files are incomplete or belong to "
                         "another config.json", name);
  }

  Status check_shape(const std::string& name, at::IntArrayRef shape) const {
    const auto& found = files_.find(name)->shape;
    if (std::equal(found.begin(), found.end(), shape.begin(), shape.end())) return {};
    std::vector<int64_t> expected(shape.begin(), shape.end());
    return invalid_input("tensor \"{}\" has the shape {}, but config.json means {} (a vocabulary "
                         "or size that does not fit)", name, weights::shape_text(found),
                         weights::shape_text(expected));
  }

  const weights::ModelFiles& files_;
  std::set<std::string> taken_;
};

std::optional<ops::BlockFormat> block_format(weights::DType dtype) {
  if (dtype == weights::DType::kQ8_0) return ops::BlockFormat::kQ8_0;
  if (dtype == weights::DType::kQ4_0) return ops::BlockFormat::kQ4_0;
  if (dtype == weights::DType::kQ4_1) return ops::BlockFormat::kQ4_1;
  return std::nullopt;
}

// The stored rows of a matrix in Transformers' order.
std::vector<uint8_t> ordered_rows(const weights::StoredTensor& stored, int64_t rows) {
  const uint8_t* data = stored.view.data;
  if (stored.row_order.empty()) return {data, data + stored.view.bytes};
  const size_t row_bytes = stored.view.bytes / static_cast<size_t>(rows);
  std::vector<uint8_t> ordered;
  ordered.reserve(stored.view.bytes);
  for (int64_t row : stored.row_order) {
    const uint8_t* begin = data + static_cast<size_t>(row) * row_bytes;
    ordered.insert(ordered.end(), begin, begin + row_bytes);
  }
  return ordered;
}

Result<std::optional<ops::QuantizedMatrix>> FileSource::blocks(const std::string& name,
                                                               int64_t rows, int64_t columns) {
  const std::optional<ops::QuantizedMatrix> none;
  std::string found = TRY(stored_name(name));
  const weights::StoredTensor* stored = files_.stored(found);
  if (stored == nullptr || stored->transposed) return none;
  std::optional<ops::BlockFormat> format = block_format(stored->view.dtype);
  if (!format) return none;
  TRY(check_shape(found, {rows, columns}));
  taken_.insert(found);
  return std::optional(ops::QuantizedMatrix::from_blocks(ordered_rows(*stored, rows), rows,
                                                         columns, *format));
}

class RandomSource : public ParameterSource {
 public:
  RandomSource(uint64_t seed, double init_std) : seed_(seed), init_std_(init_std) {}

  Result<Tensor> tensor(const std::string& /*name*/, at::IntArrayRef shape,
                        ParameterKind kind) override {
    if (kind == ParameterKind::kScale) return at::ones(shape);
    if (kind == ParameterKind::kShift) return at::zeros(shape);
    Tensor tensor = at::empty(shape);
    nn::fill_normal(tensor, init_std_, Random(seed_, parameters_++).next());
    return tensor;
  }
  Result<std::optional<ops::QuantizedMatrix>> blocks(const std::string& /*name*/, int64_t /*rows*/,
                                                     int64_t /*columns*/) override {
    return std::optional<ops::QuantizedMatrix>();
  }
  Status finish(const DecoderConfig& /*config*/) override { return {}; }

 private:
  uint64_t seed_;
  uint64_t parameters_ = 0;
  double init_std_;
};

class ScoreHeadSource : public ParameterSource {
 public:
  ScoreHeadSource(std::unique_ptr<ParameterSource> source, const NewScoreHead& head)
      : source_(std::move(source)), head_(head) {}

  Result<Tensor> tensor(const std::string& name, at::IntArrayRef shape,
                        ParameterKind kind) override {
    if (name == kScoreWeight) return new_score_weight(shape.back(), head_);
    return source_->tensor(name, shape, kind);
  }
  Result<std::optional<ops::QuantizedMatrix>> blocks(const std::string& name, int64_t rows,
                                                     int64_t columns) override {
    return source_->blocks(name, rows, columns);
  }
  Status finish(const DecoderConfig& config) override { return source_->finish(config); }

 private:
  std::unique_ptr<ParameterSource> source_;
  NewScoreHead head_;
};

}  // namespace

std::unique_ptr<ParameterSource> source_with_score_head(std::unique_ptr<ParameterSource> source,
                                                        const NewScoreHead& head) {
  return std::make_unique<ScoreHeadSource>(std::move(source), head);
}

std::unique_ptr<ParameterSource> file_source(const weights::ModelFiles& files) {
  return std::make_unique<FileSource>(files);
}

std::unique_ptr<ParameterSource> random_source(uint64_t seed, double init_std) {
  return std::make_unique<RandomSource>(seed, init_std);
}

}  // namespace attune::engine::models
