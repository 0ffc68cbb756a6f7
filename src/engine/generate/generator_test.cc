#include "engine/generate/generator.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/log_softmax.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "engine/generate/small_model.h"

namespace attune::engine::generate {
namespace {

using testing::byte_tokenizer;
using testing::kEndId;
using testing::small_decoder;

std::vector<int32_t> ids(const std::string& text) { return {text.begin(), text.end()}; }

GenerateRequest request_for(const std::string& prompt, int64_t max_new_tokens = 12) {
  GenerateRequest request;
  request.prompt = ids(prompt);
  request.max_new_tokens = max_new_tokens;
  return request;
}

// Logits after `tokens`, without a cache.
Tensor logits_after(models::Decoder& decoder, const std::vector<int32_t>& tokens) {
  const at::NoGradGuard no_grad;
  models::PackedBatch batch;
  batch.add_root(tokens);
  const Tensor hidden = decoder.forward(batch);
  return decoder.logits(hidden.narrow(0, hidden.size(0) - 1, 1))[0];
}

// Every id is a word with the blank before it, as SentencePiece writes one.
text::Tokenizer word_tokenizer() {
  Json pieces = Json::array();
  for (int64_t id = 0; id < testing::kSmallVocabulary; ++id) {
    pieces.push_back(Json::array({fmt::format("\u2581w{}", id), -1.0}));
  }
  const Json metaspace{{"type", "Metaspace"}, {"replacement", "\u2581"},
                       {"prepend_scheme", "always"}, {"split", true}};
  return text::Tokenizer::from_json(
             Json{{"version", "1.0"}, {"added_tokens", Json::array()}, {"normalizer", nullptr},
                  {"pre_tokenizer", metaspace}, {"post_processor", nullptr},
                  {"decoder", metaspace},
                  {"model", {{"type", "Unigram"}, {"unk_id", 0}, {"vocab", pieces}}}})
      .value();
}

class GeneratorTest : public ::testing::Test {
 protected:
  Generator make(GeneratorOptions options = {}) {
    return Generator(*decoder_, tokenizer_, std::move(options));
  }
  std::vector<std::vector<Completion>> run(std::vector<GenerateRequest> requests,
                                           GeneratorOptions options = {}) {
    auto result = make(std::move(options)).run(std::move(requests));
    EXPECT_TRUE(result.ok()) << result.error().message();
    return result.ok() ? *result : std::vector<std::vector<Completion>>();
  }
  Completion run_one(const GenerateRequest& request, GeneratorOptions options = {}) {
    return run({request}, std::move(options)).at(0).at(0);
  }

  std::unique_ptr<models::Decoder> decoder_ = small_decoder();
  text::Tokenizer tokenizer_ = byte_tokenizer();
};

// Joined with the prompt, what was sampled has the ids that were sampled.
TEST_F(GeneratorTest, ATextThatGoesOnKeepsTheBlankBeforeIt) {
  tokenizer_ = word_tokenizer();
  GenerateRequest request;
  const std::string prompt = "w7 w3";
  request.prompt = tokenizer_.encode(prompt);
  ASSERT_EQ(request.prompt, (std::vector<int32_t>{7, 3}));
  request.max_new_tokens = 3;
  request.continues_text = true;
  const Completion completion = run_one(request);
  EXPECT_EQ(completion.text.front(), ' ');
  std::vector<int32_t> all = request.prompt;
  all.insert(all.end(), completion.tokens.begin(), completion.tokens.end());
  EXPECT_EQ(tokenizer_.encode(prompt + completion.text), all);
  request.continues_text = false;
  EXPECT_EQ(run_one(request).text, completion.text.substr(1));
}

TEST_F(GeneratorTest, GreedyEqualsAPassWithoutCachePerToken) {
  const Completion completion = run_one(request_for("Hello there"));
  std::vector<int32_t> tokens = ids("Hello there");
  for (size_t i = 0; i < 12; ++i) {
    const Tensor logits = logits_after(*decoder_, tokens);
    const auto best = static_cast<int32_t>(logits.argmax().item<int64_t>());
    ASSERT_EQ(completion.tokens.at(i), best) << i;
    const double expected = at::log_softmax(logits, 0)[best].item<double>();
    EXPECT_NEAR(completion.log_probs.at(i), expected, 1e-4) << i;
    tokens.push_back(best);
  }
  EXPECT_EQ(completion.tokens.size(), 12u);
  EXPECT_EQ(completion.finish_reason, FinishReason::kLength);
  EXPECT_EQ(completion.text, tokenizer_.decode(completion.tokens));
}

TEST_F(GeneratorTest, WhatElseRunsChangesNothing) {
  std::vector<GenerateRequest> requests;
  for (int i = 0; i < 8; ++i) {
    GenerateRequest request =
        request_for("prompt number " + std::string(static_cast<size_t>(i), 'x'), 4 + 3 * i);
    request.sampling.do_sample = i % 2 == 1;
    request.sampling.seed = 5;
    request.stream = static_cast<uint64_t>(i);
    request.num_return_sequences = 1 + i % 3;
    requests.push_back(request);
  }
  const auto together = run(requests);
  const auto crowded = run(requests, {.rows_max = 3, .prefill_tokens_max = 20});
  const auto small = run(requests, {.cache_bytes_max = 1});  // each alone
  for (size_t i = 0; i < requests.size(); ++i) {
    const auto alone = run({requests[i]});
    for (size_t s = 0; s < alone[0].size(); ++s) {
      EXPECT_EQ(together[i][s].tokens, alone[0][s].tokens) << i << " " << s;
      EXPECT_EQ(crowded[i][s].tokens, alone[0][s].tokens) << i << " " << s;
      EXPECT_EQ(small[i][s].tokens, alone[0][s].tokens) << i << " " << s;
    }
  }
}

TEST_F(GeneratorTest, SamplesOfAPromptDifferAndDoNotDependOnTheirNumber) {
  GenerateRequest request = request_for("Once upon", 16);
  request.sampling = {.do_sample = true, .temperature = 1.5, .seed = 3};
  request.num_return_sequences = 4;
  const auto four = run({request})[0];
  request.num_return_sequences = 2;
  const auto two = run({request})[0];
  EXPECT_EQ(two[0].tokens, four[0].tokens);
  EXPECT_EQ(two[1].tokens, four[1].tokens);
  EXPECT_NE(four[0].tokens, four[1].tokens);
  EXPECT_NE(four[2].tokens, four[3].tokens);
  request.stream = 1;
  EXPECT_NE(run({request})[0][0].tokens, two[0].tokens);
  // The captured log-probabilities are those of the temperature-scaled distribution.
  std::vector<int32_t> tokens = ids("Once upon");
  for (size_t i = 0; i < 16; ++i) {
    const Tensor scaled = at::log_softmax(logits_after(*decoder_, tokens) / 1.5, 0);
    EXPECT_NEAR(two[0].log_probs[i], scaled[two[0].tokens[i]].item<double>(), 1e-4);
    tokens.push_back(two[0].tokens[i]);
  }
}

TEST_F(GeneratorTest, ComputesAPromptOnceForAllItsSamples) {
  Generator generator = make();
  GenerateRequest first = request_for("a prompt of 22 letters", 7);
  first.num_return_sequences = 5;
  first.sampling = {.do_sample = true, .seed = 1};
  const GenerateRequest second = request_for("and ten...", 3);
  const auto results = generator.run({first, second}).value();
  int64_t later = 0;  // tokens after the first, which the prompt's own pass chooses
  for (const auto& samples : results) {
    for (const Completion& c : samples) later += static_cast<int64_t>(c.tokens.size()) - 1;
  }
  EXPECT_EQ(generator.statistics().prefilled_tokens, 22 + 10);
  EXPECT_EQ(generator.statistics().decoded_tokens, later);
  EXPECT_EQ(later, 5 * 6 + 2);
}

TEST_F(GeneratorTest, StopsAtTokensAndKeepsThem) {
  const Completion whole = run_one(request_for("stop here"));
  const int32_t stop = whole.tokens[3];
  const auto first = std::find(whole.tokens.begin(), whole.tokens.end(), stop);
  const auto length = static_cast<size_t>(first - whole.tokens.begin()) + 1;
  GenerateRequest request = request_for("stop here");
  request.stop_token_ids = {stop};
  const Completion stopped = run_one(request);
  EXPECT_EQ(stopped.finish_reason, FinishReason::kStop);
  EXPECT_EQ(stopped.tokens.size(), length);
  EXPECT_EQ(stopped.tokens.back(), stop);
  EXPECT_EQ(stopped.log_probs.size(), length);
  EXPECT_EQ(run_one(request_for("stop here"), {.eos_ids = {stop}}).tokens, stopped.tokens);
}

TEST_F(GeneratorTest, BansTheEndBeforeMinNewTokens) {
  const int32_t first = run_one(request_for("go on")).tokens[0];
  GenerateRequest request = request_for("go on", 8);
  request.min_new_tokens = 5;
  const Completion completion = run_one(request, {.eos_ids = {first}});
  EXPECT_GT(completion.tokens.size(), 5u);
  EXPECT_EQ(std::count(completion.tokens.begin(), completion.tokens.begin() + 5, first), 0);
}

TEST_F(GeneratorTest, CutsStopStringsAcrossTokensAndStreamsTheRest) {
  GenerateRequest request = request_for("tell me", 24);
  request.sampling = {.do_sample = true, .seed = 11};
  const std::string whole = run_one(request).text;
  ASSERT_GT(whole.size(), 8u);
  request.stop_strings = {whole.substr(4, 3)};  // bytes are tokens: it spans three
  Generator generator = make();
  std::string streamed;
  Completion done;
  GeneratorEvents events;
  events.on_text = [&](int64_t, int64_t, std::string_view text) { streamed += text; };
  events.on_done = [&](int64_t, std::vector<Completion> c) { done = std::move(c.at(0)); };
  ASSERT_TRUE(generator.submit(request).ok());
  while (!generator.idle()) ASSERT_TRUE(generator.step(events).ok());
  EXPECT_EQ(done.finish_reason, FinishReason::kStop);
  EXPECT_EQ(done.text, whole.substr(0, whole.find(request.stop_strings[0])));
  EXPECT_EQ(streamed, done.text);
}

TEST_F(GeneratorTest, FindsAStopStringThatIsASpecialToken) {
  GenerateRequest request = request_for("x", 400);
  request.sampling = {.do_sample = true, .temperature = 100.0};  // all tokens about equally likely
  request.stop_strings = {"<|end|>"};
  request.max_new_tokens = 127;
  request.num_return_sequences = 12;
  const auto completions = run({request})[0];
  EXPECT_TRUE(std::any_of(completions.begin(), completions.end(), [](const Completion& c) {
    return c.finish_reason == FinishReason::kStop && c.tokens.back() == kEndId;
  }));
}

TEST_F(GeneratorTest, EndsWhereTheContextEnds) {
  const Completion completion = run_one(request_for(std::string(120, 'a'), 100));
  EXPECT_EQ(completion.tokens.size(), 8u);  // of 128
  EXPECT_EQ(completion.finish_reason, FinishReason::kLength);
}

TEST_F(GeneratorTest, RefusesWhatCannotRun) {
  Generator generator = make();
  const auto message = [&](auto change) {
    GenerateRequest request = request_for("ok");
    change(request);
    const auto handle = generator.submit(request);
    return handle.ok() ? std::string("accepted") : handle.error().message();
  };
  const auto expect = [&](const char* part, auto change) {
    EXPECT_NE(message(change).find(part), std::string::npos) << message(change);
  };
  expect("no tokens", [](GenerateRequest& r) { r.prompt.clear(); });
  expect("context of 128", [](GenerateRequest& r) { r.prompt.assign(128, 1); });
  expect("260", [](GenerateRequest& r) { r.prompt = {260}; });
  expect("-1", [](GenerateRequest& r) { r.prompt = {-1}; });
  expect("temperature", [](GenerateRequest& r) { r.sampling.temperature = 0; });
  expect("max_new_tokens", [](GenerateRequest& r) { r.max_new_tokens = 0; });
  expect("min_new_tokens", [](GenerateRequest& r) { r.min_new_tokens = -1; });
  expect("num_return_sequences", [](GenerateRequest& r) { r.num_return_sequences = 0; });
  expect("no adapter \"a\"", [](GenerateRequest& r) { r.adapters = {"a"}; });
  EXPECT_TRUE(generator.idle());
}

TEST_F(GeneratorTest, CancelDropsWaitingAndRunningRequests) {
  Generator generator = make({.rows_max = 1});
  std::map<int64_t, size_t> done;
  GeneratorEvents events;
  events.on_done = [&](int64_t handle, std::vector<Completion> c) { done[handle] = c.size(); };
  const int64_t running = generator.submit(request_for("first", 50)).value();
  const int64_t waiting = generator.submit(request_for("second", 50)).value();
  const int64_t last = generator.submit(request_for("third", 3)).value();
  ASSERT_TRUE(generator.step(events).ok());
  EXPECT_EQ(generator.waiting(), 2);
  generator.cancel(running);
  generator.cancel(waiting);
  generator.cancel(999);
  while (!generator.idle()) ASSERT_TRUE(generator.step(events).ok());
  EXPECT_EQ(done, (std::map<int64_t, size_t>{{last, 1}}));
}

TEST_F(GeneratorTest, GenerateTextsAnswersEachPrompt) {
  GenerateRequest options;
  options.max_new_tokens = 5;
  const auto answers = generate_texts(*decoder_, tokenizer_, {ids("one"), ids("two")}, options, {});
  ASSERT_TRUE(answers.ok());
  EXPECT_EQ(answers->at(1).at(0).tokens, run_one(request_for("two", 5)).tokens);
}

}  // namespace
}  // namespace attune::engine::generate
