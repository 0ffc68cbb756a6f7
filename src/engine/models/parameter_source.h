// Where a decoder's parameters come from when it is assembled: a model's files, or a random number
// generator. Internal to models/.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "engine/models/decoder.h"
#include "engine/models/decoder_config.h"
#include "engine/ops/quantized_matrix.h"
#include "engine/tensor/tensor.h"
#include "weights/model_files.h"

namespace attune::engine::models {

// What a parameter is, for sources that make them up.
enum class ParameterKind { kMatrix, kScale, kShift };

class ParameterSource {
 public:
  virtual ~ParameterSource() = default;

  // The parameter in fp32, contiguous; errors name it, and say both shapes when they differ.
  virtual Result<Tensor> tensor(const std::string& name, at::IntArrayRef shape,
                                ParameterKind kind) = 0;
  // The blocks that a file holds for it as they are, if it does in a format with kernels here.
  virtual Result<std::optional<ops::QuantizedMatrix>> blocks(const std::string& name, int64_t rows,
                                                             int64_t columns) = 0;
  // Called when all parameters were taken: an error when the source holds others.
  virtual Status finish(const DecoderConfig& config) = 0;
};

// Reads from `files`, which must outlive it. Names without their first component
// ("h.0.ln_1.weight") are found too: checkpoints of bare trunks have them.
std::unique_ptr<ParameterSource> file_source(const weights::ModelFiles& files);

// `source` for all but the score head, whose first values are made up.
std::unique_ptr<ParameterSource> source_with_score_head(std::unique_ptr<ParameterSource> source,
                                                        const NewScoreHead& head);

// Matrices normal with standard deviation `init_std`, scales 1, shifts 0.
std::unique_ptr<ParameterSource> random_source(uint64_t seed, double init_std);

}  // namespace attune::engine::models
