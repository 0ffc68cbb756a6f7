#include "engine/serve/request_params.h"

#include <algorithm>
#include <limits>

#include "base/nearest.h"

namespace attune::engine::serve {
namespace {

const std::vector<std::string> kGenerateKeys{
    "prompt", "messages", "tools", "chat_template_kwargs", "max_new_tokens", "min_new_tokens",
    "num_return_sequences", "do_sample", "temperature", "top_k", "top_p", "min_p",
    "repetition_penalty", "seed", "stop_strings", "stop_token_ids", "stream", "stream_index"};

Status check_keys(const OrderedJson& params) {
  for (const auto& [key, value] : params.items()) {
    if (std::find(kGenerateKeys.begin(), kGenerateKeys.end(), key) != kGenerateKeys.end()) continue;
    const std::string nearest = nearest_name(key, kGenerateKeys);
    return invalid_input("\"{}\" is no parameter of a generate request{}", key,
                         nearest.empty() ? "" : "; did you mean " + nearest);
  }
  return {};
}

Result<uint64_t> get_unsigned(const Json& params, const char* key) {
  const int64_t value = TRY(get_int_or(params, key, 0));
  if (value < 0) return invalid_input("\"{}\" is {}; give 0 or more", key, value);
  return static_cast<uint64_t>(value);
}

Result<std::vector<std::string>> get_texts(const Json& params, const char* key) {
  std::vector<std::string> texts;
  const Json* found = find(params, key);
  if (found == nullptr) return texts;
  for (const Json& text : found->is_array() ? *found : Json::array({*found})) {
    if (!text.is_string()) return invalid_input("\"{}\" must be a string or a list of them", key);
    texts.push_back(text.get<std::string>());
  }
  return texts;
}

Result<std::vector<int32_t>> get_ids(const Json& params, const char* key) {
  std::vector<int32_t> ids;
  const Json* found = find(params, key);
  if (found == nullptr) return ids;
  for (const Json& id : found->is_array() ? *found : Json::array({*found})) {
    if (!id.is_number_integer() || id < 0 || id > std::numeric_limits<int32_t>::max()) {
      return invalid_input("\"{}\" must be a token id or a list of them", key);
    }
    ids.push_back(id.get<int32_t>());
  }
  return ids;
}

Result<generate::SamplingOptions> get_sampling(const Json& params) {
  generate::SamplingOptions sampling;
  bool wanted = false;
  for (const char* key : {"temperature", "top_k", "top_p", "min_p"}) {
    wanted = wanted || find(params, key) != nullptr;
  }
  sampling.temperature = TRY(get_double_or(params, "temperature", sampling.temperature));
  if (sampling.temperature == 0) {
    wanted = false;
    sampling.temperature = 1;
  }
  sampling.do_sample = TRY(get_bool_or(params, "do_sample", wanted));
  sampling.top_k = TRY(get_int_or(params, "top_k", sampling.top_k));
  sampling.top_p = TRY(get_double_or(params, "top_p", sampling.top_p));
  sampling.min_p = TRY(get_double_or(params, "min_p", sampling.min_p));
  sampling.repetition_penalty =
      TRY(get_double_or(params, "repetition_penalty", sampling.repetition_penalty));
  sampling.seed = TRY(get_unsigned(params, "seed"));
  return sampling;
}

// The prompt as an example's row: messages are taken as they came.
Result<data::Example> get_prompt(const OrderedJson& params) {
  const bool has_prompt = params.contains("prompt");
  if (has_prompt == params.contains("messages")) {
    return invalid_input("give either \"prompt\" or \"messages\"");
  }
  OrderedJson row{{"prompt", params.at(has_prompt ? "prompt" : "messages")}};
  for (const char* key : {"tools", "chat_template_kwargs"}) {
    if (params.contains(key)) row[key] = params.at(key);
  }
  return data::parse_example(row);
}

}  // namespace

Result<GenerateParams> parse_generate_params(const OrderedJson& params) {
  TRY(check_keys(params));
  GenerateParams result;
  result.prompt = TRY(get_prompt(params));
  if (result.prompt.form != data::Form::kPrompt || !result.prompt.prompt) {
    return invalid_input("\"prompt\" must be a string or a list of messages");
  }
  const Json sorted(params);
  generate::GenerateRequest& request = result.request;
  const data::Content& prompt = *result.prompt.prompt;
  request.continues_text =
      !data::is_conversational(prompt) && !std::get<std::string>(prompt).empty();
  request.sampling = TRY(get_sampling(sorted));
  request.max_new_tokens = TRY(get_int_or(sorted, "max_new_tokens", request.max_new_tokens));
  request.min_new_tokens = TRY(get_int_or(sorted, "min_new_tokens", 0));
  request.num_return_sequences = TRY(get_int_or(sorted, "num_return_sequences", 1));
  request.stop_strings = TRY(get_texts(sorted, "stop_strings"));
  request.stop_token_ids = TRY(get_ids(sorted, "stop_token_ids"));
  request.stream = TRY(get_unsigned(sorted, "stream_index"));
  result.stream = TRY(get_bool_or(sorted, "stream", false));
  return result;
}

Result<ScoreParams> parse_score_params(const OrderedJson& params, bool append_eos) {
  ScoreParams result;
  OrderedJson row = params;
  const Json sorted(params);
  result.completion.append_eos = TRY(get_bool_or(sorted, "append_eos", append_eos));
  row.erase("append_eos");
  // A score needs no ranking: completions without ranks are not ranked.
  if (row.is_object() && row.contains("completions") && row["completions"].is_array() &&
      !row.contains("ranks")) {
    row["ranks"] = OrderedJson(row["completions"].size(), nullptr);
  }
  result.example = TRY(data::parse_example(row));
  return result;
}

}  // namespace attune::engine::serve
