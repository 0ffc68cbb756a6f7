#include "engine/evaluate/score.h"

#include <ATen/core/grad_mode.h>

#include "engine/models/token_tree.h"
#include "engine/tensor/guarded.h"

namespace attune::engine::evaluate {
namespace {

using data::TokenizedCompletion;

// The examples of one pass and where their scores go, one for each branch.
struct ScorePass {
  models::TreeBatch batch;
  std::vector<CompletionScore*> scores;  // [C]

  void add(const TokenizedExample& example, std::vector<CompletionScore>* out) {
    out->resize(example.size());
    for (CompletionScore& score : *out) scores.push_back(&score);
    batch.add(models::make_token_tree(example, /*whole=*/false));
  }
};

void run_pass(models::Decoder& decoder, const ScorePass& pass, const ScoreOptions& options) {
  if (pass.batch.rows.empty()) return;
  models::ForwardOptions forward;
  forward.adapters.stack = options.adapters;
  const models::BranchLogProbs result = models::branch_log_probs(decoder, pass.batch, forward);
  const Tensor values = result.tokens.contiguous();
  const float* value = values.data_ptr<float>();
  for (int64_t owner : pass.batch.owners) {
    CompletionScore* score = pass.scores[static_cast<size_t>(owner)];
    score->sum_logprob += static_cast<double>(*value++);
    ++score->tokens;
  }
}

// A reward model reads each completion at its last token.
void run_rewards(models::Decoder& decoder, const std::vector<TokenizedExample>& examples,
                 const ScoreOptions& options, std::vector<std::vector<CompletionScore>>* scores) {
  std::vector<models::TokenTree> trees;
  for (const TokenizedExample& example : examples) {
    if (!example.empty()) trees.push_back(models::make_token_tree(example, /*whole=*/false));
  }
  const std::vector<double> values =
      models::score_trees(decoder, trees, options.adapters, options.max_tokens_per_batch);
  auto value = values.begin();
  for (size_t i = 0; i < examples.size(); ++i) {
    for (const TokenizedCompletion& completion : examples[i]) {
      (*scores)[i].push_back({.tokens = completion.end - completion.boundary,
                              .reward = options.normaliser.apply(*value++)});
    }
  }
}

int64_t token_count(const TokenizedExample& example) {
  int64_t count = 0;
  for (const TokenizedCompletion& completion : example) count += completion.end;
  return count;
}

Status check_example(const models::DecoderConfig& config, const TokenizedExample& example) {
  for (const TokenizedCompletion& completion : example) {
    if (config.context > 0 && completion.end > config.context) {
      return invalid_input("prompt and completion have {} tokens, the model's context {}; shorten "
                           "them", completion.end, config.context);
    }
    for (const int32_t id : completion.ids) {
      if (id >= 0 && id < config.vocabulary) continue;
      return invalid_input("the token id {} is outside of the model's vocabulary of {}; tokenizer "
                           "and model do not belong together", id, config.vocabulary);
    }
  }
  return {};
}

}  // namespace

Result<TokenizedExample> tokenize_for_score(const data::Example& example,
                                            const data::ExampleTokenizer& tokenizer,
                                            const data::CompletionOptions& options) {
  if (example.form == data::Form::kText) {
    TokenizedCompletion text;
    text.ids = tokenizer.text(example.text);
    if (options.append_eos && tokenizer.tokenizer().eos_id()) {
      text.ids.push_back(*tokenizer.tokenizer().eos_id());
    }
    text.end = static_cast<int64_t>(text.ids.size());
    if (text.end < 2) return invalid_input("the text has fewer than two tokens: nothing to score");
    return TokenizedExample{std::move(text)};
  }
  const data::PromptAndCompletions split = TRY(data::split_example(example));
  TokenizedExample tokenized;
  for (size_t i = 0; i < split.completions.size(); ++i) {
    Result<TokenizedCompletion> one =
        tokenizer.completion(split.prompt, split.completions[i], example, options);
    if (!one.ok()) return one.error().with_context(fmt::format("completion {}", i));
    tokenized.push_back(std::move(*one));
  }
  if (tokenized.empty()) return invalid_input("the row has no completions");
  return tokenized;
}

Result<std::vector<std::vector<CompletionScore>>> score_completions(
    models::Decoder& decoder, const std::vector<TokenizedExample>& examples,
    const ScoreOptions& options) {
  for (size_t i = 0; i < examples.size(); ++i) {
    const Status status = check_example(decoder.config(), examples[i]);
    if (!status.ok()) return status.error().with_context(fmt::format("example {}", i + 1));
  }
  for (const std::string& name : options.adapters) {
    if (decoder.adapters().find(name) == nullptr) {
      return not_found("no adapter \"{}\" is loaded", name);
    }
  }
  std::vector<std::vector<CompletionScore>> scores(examples.size());
  TRY(run_guarded({"scoring", {}}, [&] {
    const at::NoGradGuard no_grad;
    if (models::score_weight(decoder, options.adapters).defined()) {
      return run_rewards(decoder, examples, options, &scores);
    }
    ScorePass pass;
    for (size_t i = 0; i < examples.size(); ++i) {
      if (examples[i].empty()) continue;
      const bool full = pass.batch.batch.layout.tokens() + token_count(examples[i]) >
                        options.max_tokens_per_batch;
      if (full) {
        run_pass(decoder, pass, options);
        pass = {};
      }
      pass.add(examples[i], &scores[i]);
    }
    run_pass(decoder, pass, options);
  }));
  return scores;
}

}  // namespace attune::engine::evaluate
