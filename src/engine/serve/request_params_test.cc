#include "engine/serve/request_params.h"

#include <gtest/gtest.h>

#include "engine/serve/served_model.h"

namespace attune::engine::serve {
namespace {

Result<GenerateParams> parse(const char* text) {
  return parse_generate_params(parse_ordered_json(text).value());
}

TEST(GenerateParams, TakesTransformersNames) {
  const auto params = parse(R"({"prompt":"Hi","max_new_tokens":7,"min_new_tokens":2,"seed":9,
      "num_return_sequences":3,"do_sample":true,"temperature":0.5,"top_k":40,"top_p":0.9,
      "min_p":0.05,"repetition_penalty":1.2,"stop_strings":"END","stop_token_ids":[1,2],
      "stream":true,"stream_index":4})");
  ASSERT_TRUE(params.ok()) << params.error().message();
  const generate::GenerateRequest& request = params->request;
  EXPECT_EQ(request.max_new_tokens, 7);
  EXPECT_EQ(request.min_new_tokens, 2);
  EXPECT_EQ(request.num_return_sequences, 3);
  EXPECT_TRUE(request.sampling.do_sample);
  EXPECT_EQ(request.sampling.temperature, 0.5);
  EXPECT_EQ(request.sampling.top_k, 40);
  EXPECT_EQ(request.sampling.top_p, 0.9);
  EXPECT_EQ(request.sampling.min_p, 0.05);
  EXPECT_EQ(request.sampling.repetition_penalty, 1.2);
  EXPECT_EQ(request.sampling.seed, 9u);
  EXPECT_EQ(request.stream, 4u);
  EXPECT_EQ(request.stop_strings, std::vector<std::string>{"END"});
  EXPECT_EQ(request.stop_token_ids, (std::vector<int32_t>{1, 2}));
  EXPECT_TRUE(params->stream);
}

TEST(GenerateParams, SamplesWhenAskedToInAnyWay) {
  EXPECT_FALSE(parse(R"({"prompt":"a"})")->request.sampling.do_sample);
  EXPECT_TRUE(parse(R"({"prompt":"a","top_p":0.9})")->request.sampling.do_sample);
  EXPECT_FALSE(parse(R"({"prompt":"a","temperature":0})")->request.sampling.do_sample);
  EXPECT_FALSE(
      parse(R"({"prompt":"a","temperature":0.7,"do_sample":false})")->request.sampling.do_sample);
}

TEST(GenerateParams, TakesMessagesEitherWay) {
  for (const char* key : {"prompt", "messages"}) {
    const std::string text =
        std::string("{\"") + key + R"(":[{"role":"user","content":"hi"}]})";
    const auto params = parse(text.c_str());
    ASSERT_TRUE(params.ok()) << params.error().message();
    EXPECT_TRUE(data::is_conversational(*params->prompt.prompt));
    EXPECT_FALSE(params->request.continues_text);
  }
}

TEST(GenerateParams, ATextGoesOnBehindAPromptThatIsOne) {
  EXPECT_TRUE(parse(R"({"prompt":"a"})")->request.continues_text);
  EXPECT_FALSE(parse(R"({"prompt":""})")->request.continues_text);
}

TEST(GenerateParams, RefusesWhatItDoesNotKnow) {
  for (const auto& [text, part] : std::initializer_list<std::pair<const char*, const char*>>{
           {R"({})", "either"},
           {R"({"prompt":"a","messages":[]})", "either"},
           {R"({"prompt":5})", "prompt"},
           {R"({"prompt":"a","max_tokens":5})", "max_tokens"},
           {R"({"prompt":"a","temprature":1})", "did you mean temperature"},
           {R"({"prompt":"a","max_new_tokens":"5"})", "max_new_tokens"},
           {R"({"prompt":"a","max_new_tokens":1.5})", "max_new_tokens"},
           {R"({"prompt":"a","seed":-1})", "seed"},
           {R"({"prompt":"a","stop_strings":[1]})", "stop_strings"},
           {R"({"prompt":"a","stop_token_ids":["x"]})", "stop_token_ids"},
           {R"({"prompt":"a","stop_token_ids":[-4]})", "stop_token_ids"}}) {
    const auto params = parse(text);
    ASSERT_FALSE(params.ok()) << text;
    EXPECT_NE(params.error().message().find(part), std::string::npos)
        << text << " -> " << params.error().message();
  }
}

TEST(ScoreParams, TakesAnyExampleWithCompletions) {
  const auto params = parse_score_params(
      parse_ordered_json(R"({"prompt":"2+2=","completion":"4","append_eos":true})").value());
  ASSERT_TRUE(params.ok());
  EXPECT_TRUE(params->completion.append_eos);
  EXPECT_EQ(params->example.form, data::Form::kCompletion);
  EXPECT_FALSE(parse_score_params(parse_ordered_json(R"({"x":1})").value()).ok());
  const auto unranked = parse_score_params(
      parse_ordered_json(R"({"prompt":"a","completions":["b","c"]})").value());
  ASSERT_TRUE(unranked.ok()) << unranked.error().message();
  EXPECT_EQ(unranked->example.completions.size(), 2u);
}

TEST(ServeOptions, ReadsItsFlags) {
  const auto options =
      parse_serve_options({"--socket", "s", "--model-name-or-path", "m", "--adapter", "a",
                           "--adapter", "b=c", "--threads", "2", "--device", "cpu"});
  ASSERT_TRUE(options.ok()) << options.error().message();
  EXPECT_EQ(options->socket, "s");
  EXPECT_EQ(options->model_name_or_path, "m");
  EXPECT_EQ(options->adapters, (std::vector<std::string>{"a", "b=c"}));
  EXPECT_EQ(options->threads, 2);
  EXPECT_EQ(options->device, "cpu");
}

TEST(ServeOptions, RefusesWrongUse) {
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {}, {"--socket", "s"}, {"--socket", "s", "--model_name_or_path"},
           {"--socket", "s", "--model_name_or_path", "m", "--quantise", "q8_0"},
           {"--socket", "s", "--model_name_or_path", "m", "--threads", "two"}}) {
    const auto options = parse_serve_options(arguments);
    ASSERT_FALSE(options.ok());
    EXPECT_EQ(options.error().code(), ErrorCode::kUsage);
  }
}

TEST(EosIds, AreANumberOrAListOrTheTokenizers) {
  EXPECT_EQ(eos_ids_of(Json{{"eos_token_id", 2}}, 7), (std::vector<int32_t>{2}));
  EXPECT_EQ(eos_ids_of(Json{{"eos_token_id", {2, 5}}}, 7), (std::vector<int32_t>{2, 5}));
  EXPECT_EQ(eos_ids_of(Json::object(), 7), (std::vector<int32_t>{7}));
  EXPECT_TRUE(eos_ids_of(Json::object(), std::nullopt).empty());
}

}  // namespace
}  // namespace attune::engine::serve
