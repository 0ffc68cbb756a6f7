// A reward model that is loaded to score: a sequence-classification folder, or a PEFT adapter with
// a score head over its base; with the normalisation that was stored when it was trained.
//
//   const RewardModel model = TRY(RewardModel::load({path}));
//   TRY(check_same_vocabulary(model.tokenizer().tokenizer(), policy_tokenizer,
//                             model.decoder().config().vocabulary));
//   std::vector<double> rewards = TRY(model.score(trees));    // by branch, normalised
//
// Where a policy trains adapters, a reward model that is an adapter of the same base can stand on
// the policy's trunk (load_on): the base is then in memory once.
//
// What is stored (docs/formats/reward-models.md): "reward_normaliser" of config.json, or of an
// adapter folder the file reward_normaliser.json.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "data/tokenized.h"
#include "engine/models/decoder.h"
#include "engine/models/score_head.h"
#include "engine/models/token_tree.h"
#include "weights/lora_files.h"
#include "weights/model_files.h"

namespace attune::engine::models {

inline constexpr const char* kNormaliserKey = "reward_normaliser";
inline constexpr const char* kNormaliserFile = "reward_normaliser.json";

// What makes scores comparable between runs: reward = (score - mean) / scale, both measured on
// reference samples (arXiv 2403.17031: mean alone, on demonstrations; arXiv 1909.08593: mean and
// standard deviation).
struct RewardNormaliser {
  double mean = 0;
  double scale = 1;        // above 0
  std::string reference;   // which samples
  int64_t samples = 0;     // how many; 0: none were measured

  double apply(double score) const { return (score - mean) / scale; }
};

Json to_json(const RewardNormaliser& normaliser);
// Errors name the key: a scale that is not above 0, a number that is not finite.
Result<RewardNormaliser> reward_normaliser_from_json(const Json& json);

// Of a model, or of an adapter folder ("": the model's); the identity when none is stored.
Result<RewardNormaliser> read_reward_normaliser(const weights::ModelFiles& files,
                                                const std::string& adapter_folder);

class RewardModel {
 public:
  // place.model may be an adapter's folder that names its base. Errors: no score head ("is a
  // language model: ..."), several labels, and those of loading.
  static Result<RewardModel> load(const weights::ModelPlace& place,
                                  const LoadOptions& options = {});

  // The adapter of that folder on `trunk`, which holds the weights of the model folder `base`,
  // which stay as they are, and outlives the reward model. The trunk's precision is the rewards'.
  // It takes a name that is free among the trunk's adapters, and stays frozen.
  static Result<RewardModel> load_on(Decoder& trunk, const std::string& base,
                                     const std::string& adapter);

  // Whether score() can read it: the errors of one tree, without saying which.
  Status check(const TokenTree& tree) const;

  // Rewards by branch, in the order of the trees; without gradient. Each sequence is read at its
  // last token as it stands: what was trained ends in its end token, and so should this.
  // kInvalidInput for a sequence that is longer than the context, empty, or has ids outside of the
  // vocabulary.
  Result<std::vector<double>> score(const std::vector<TokenTree>& trees,
                                    int64_t max_tokens_per_batch = 4096) const;

  Decoder& decoder() const { return *decoder_; }
  const std::vector<std::string>& adapters() const { return adapters_; }  // the stack
  const RewardNormaliser& normaliser() const { return normaliser_; }
  const data::ExampleTokenizer& tokenizer() const { return tokenizer_; }

 private:
  RewardModel(std::unique_ptr<Decoder> own, Decoder& decoder, std::vector<std::string> adapters,
              RewardNormaliser normaliser, data::ExampleTokenizer tokenizer)
      : own_(std::move(own)),
        decoder_(&decoder),
        adapters_(std::move(adapters)),
        normaliser_(std::move(normaliser)),
        tokenizer_(std::move(tokenizer)) {}

  static Result<RewardModel> assemble(std::unique_ptr<Decoder> own, Decoder& decoder,
                                      const weights::ModelFiles& files,
                                      const weights::ModelPlace& place,
                                      std::vector<std::string> stack);

  std::unique_ptr<Decoder> own_;  // null: another's trunk
  Decoder* decoder_;
  std::vector<std::string> adapters_;
  RewardNormaliser normaliser_;
  data::ExampleTokenizer tokenizer_;
};

// Scores [C] of trees before normalisation, without gradient, in passes of at most so many tokens.
// LibTorch's exceptions pass through.
std::vector<double> score_trees(Decoder& decoder, const std::vector<TokenTree>& trees,
                                const std::vector<std::string>& stack,
                                int64_t max_tokens_per_batch = 4096);

// Whether ids mean the same to both. kInvalidInput names the first id that does not: a reward model
// cannot read the answers of a policy with another tokenizer. Only ids below `rows`, for which the
// reward model has embeddings, are compared: a token for padding may lie beyond, and is in no text.
Status check_same_vocabulary(const text::Tokenizer& reward, const text::Tokenizer& policy,
                             int64_t rows);

}  // namespace attune::engine::models
