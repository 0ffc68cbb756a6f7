// Puts a decoder's modules together from a config and a source of parameters. Internal to models/.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/models/block.h"
#include "engine/models/parameter_source.h"
#include "engine/nn/adapters.h"
#include "engine/nn/linear.h"
#include "engine/nn/norm.h"
#include "engine/nn/parameters.h"

namespace attune::engine::models {

struct Trunk {
  nn::Linear embedding;      // [V, D], read by row
  Tensor learned_positions;  // [context, D] or undefined
  std::vector<Block> blocks;
  nn::Norm final_norm;
  std::optional<nn::Linear> head;  // the embedding's tensors when tied
  nn::Parameters parameters;
  nn::Adapters adapters;
};

// Errors: an unknown LoadOptions::quantize, and the source's.
Result<Trunk> assemble(const DecoderConfig& config, ParameterSource& source,
                       const LoadOptions& options);

}  // namespace attune::engine::models
