// Score heads: what makes a decoder a reward or value model, a linear map [1, D] without bias from
// the hidden state of a token to a number.
//
// The head is the decoder's own (HeadKind::kScore: LlamaForSequenceClassification and its like,
// LoadOptions::score_head), or belongs to an adapter (PEFT's task_type SEQ_CLS with `score` in
// modules_to_save), whatever the trunk's own head is. So one trunk can hold a policy and several
// reward or value models.
//
// A sequence's score is read at its true last token, found by its length. Transformers looks for
// the last token that is not the pad token, and so reads too early where pad and EOS are the same.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "engine/models/decoder.h"
#include "engine/models/token_tree.h"
#include "engine/tensor/tensor.h"

namespace attune::engine::models {

inline constexpr const char* kScoreWeight = "score.weight";

// First values [1, D], fp32.
Tensor new_score_weight(int64_t width, const NewScoreHead& head);

// The same trunk as a classifier of one label. kInvalidInput for a classifier of several.
Result<DecoderConfig> with_score_head(const DecoderConfig& config);

// Gives an adapter a score head of its own: a copy of the trunk's where it has one, else a new one.
// kInvalidInput when the trunk classifies into several labels.
Status add_score_head(Decoder& decoder, const std::string& adapter, const NewScoreHead& head);

// The score head that rows of this stack use: of the last adapter that has one, else the decoder's;
// undefined when there is none.
Tensor score_weight(Decoder& decoder, const std::vector<std::string>& stack = {});

// Scores [N] fp32 on the CPU of all rows of `hidden` [N, D], differentiable in both.
Tensor scores_of(const Tensor& hidden, const Tensor& weight);

// The same of chosen rows [R].
Tensor scores_at(const Tensor& hidden, const std::vector<int64_t>& rows, const Tensor& weight);

// Scores [C] fp32 of the branches of a pass with `scores`, each at its last token, from the pass's
// hidden states [N, D]. `stack` is what the pass was run with. A bug when there is no score head.
Tensor branch_scores(Decoder& decoder, const TreeBatch& pass, const Tensor& hidden,
                     const std::vector<std::string>& stack = {});

}  // namespace attune::engine::models
