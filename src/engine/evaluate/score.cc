#include "engine/evaluate/score.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <span>

#include "engine/models/packed_batch.h"
#include "engine/ops/linear_log_probs.h"
#include "engine/tensor/guarded.h"

namespace attune::engine::evaluate {
namespace {

using data::TokenizedCompletion;

std::span<const int32_t> slice(const std::vector<int32_t>& ids, int64_t begin, int64_t end) {
  return {ids.data() + begin, static_cast<size_t>(end - begin)};
}

// How many first ids all completions have in common, prompt only.
int64_t shared_prefix(const TokenizedExample& example) {
  const std::vector<int32_t>& first = example.front().ids;
  auto length = static_cast<int64_t>(first.size());
  for (const TokenizedCompletion& completion : example) {
    length = std::min(length, completion.boundary);
    const auto end = first.begin() + length;
    const auto same = std::mismatch(first.begin(), end, completion.ids.begin(),
                                    completion.ids.begin() + length);
    length = same.first - first.begin();
  }
  return length;
}

// One pass: its tokens, and which rows predict which targets of which score.
struct ScorePass {
  models::PackedBatch batch;
  std::vector<int64_t> rows;
  std::vector<int64_t> targets;
  std::vector<CompletionScore*> scores;  // of each row

  void add(const TokenizedExample& example, std::vector<CompletionScore>* out);

 private:
  void add_targets(const TokenizedCompletion& completion, int64_t shared, int64_t shared_begin,
                   int64_t own_begin, CompletionScore* score);
};

void ScorePass::add(const TokenizedExample& example, std::vector<CompletionScore>* out) {
  out->resize(example.size());
  const int64_t shared = shared_prefix(example);
  const int64_t shared_begin = batch.layout.tokens();
  const int64_t root = shared > 0 ? batch.add_root(slice(example.front().ids, 0, shared)) : -1;
  for (size_t i = 0; i < example.size(); ++i) {
    const TokenizedCompletion& completion = example[i];
    const int64_t own_begin = batch.layout.tokens();
    // The last token predicts nothing that is asked for; it is left out where that leaves a
    // segment.
    const auto own = slice(completion.ids, shared, std::max(completion.end - 1, shared));
    if (!own.empty()) root < 0 ? batch.add_root(own) : batch.add_child(root, own);
    add_targets(completion, shared, shared_begin, own_begin, &(*out)[i]);
  }
}

void ScorePass::add_targets(const TokenizedCompletion& completion, int64_t shared,
                            int64_t shared_begin, int64_t own_begin, CompletionScore* score) {
  for (int64_t t = std::max<int64_t>(completion.boundary, 1); t < completion.end; ++t) {
    const int64_t before = t - 1;  // the token that predicts it
    rows.push_back(before < shared ? shared_begin + before : own_begin + before - shared);
    targets.push_back(completion.ids[static_cast<size_t>(t)]);
    scores.push_back(score);
  }
}

void run_pass(models::Decoder& decoder, const ScorePass& pass, const ScoreOptions& options) {
  if (pass.rows.empty()) return;
  models::ForwardOptions forward;
  forward.adapters.stack = options.adapters;
  const Tensor hidden = decoder.forward(pass.batch, forward);
  const ops::LogProbs result =
      ops::linear_log_probs(hidden, decoder.head_weight(), decoder.head_bias(),
                            at::tensor(pass.rows), at::tensor(pass.targets));
  const Tensor values = result.log_probs.contiguous();
  const float* value = values.data_ptr<float>();
  for (CompletionScore* score : pass.scores) {
    score->sum_logprob += static_cast<double>(*value++);
    ++score->tokens;
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
    ScorePass pass;
    for (size_t i = 0; i < examples.size(); ++i) {
      if (examples[i].empty()) continue;
      const bool full = pass.batch.layout.tokens() + token_count(examples[i]) >
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
