// Decoding of one sequence from a model's own blocks: decode_bench MODEL CASES.json NEW_TOKENS.
// CASES are goldens of tests/golden/generate. Under teacher forcing over all cases it counts how
// often the most probable token is the golden one, then it times NEW_TOKENS greedy tokens after the
// first prompt, through the generator as `attune generate` runs it. Prints one JSON line.
#include "engine/generate/cached_attention.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/tensor.h>

#include <chrono>
#include <iostream>

#include "base/json.h"
#include "engine/generate/generator.h"
#include "engine/tensor/arena.h"
#include "engine/tensor/peak_probe.h"
#include "engine/tensor/threads.h"
#include "weights/model_files.h"

#include "model_bench.h"

namespace attune::engine {
namespace {

constexpr int64_t kWarmUpTokens = 16;
constexpr double kProbeSeconds = 1.0;

// Bytes of all tensors: what a step reads where the head is the embedding.
int64_t weight_bytes(const weights::ModelFiles& files) {
  int64_t bytes = 0;
  for (const std::string& name : files.tensor_names()) {
    bytes += static_cast<int64_t>(files.stored(name)->view.bytes);
  }
  return bytes;
}

struct Agreement {
  int64_t positions = 0;
  int64_t equal = 0;
};

// The most probable token at every position of a golden answer, decoded one by one.
void count_agreement(models::Decoder& decoder, const Json& golden, Agreement* agreement) {
  const models::DecoderConfig& config = decoder.config();
  const auto prompt = golden["prompt"].get<std::vector<int64_t>>();
  const auto answer = golden["ids"].get<std::vector<int64_t>>();
  generate::KvSegment segment({config.layer_count(), config.kv_heads, config.head_width},
                              static_cast<int64_t>(prompt.size() + answer.size()), nullptr);
  const auto before = static_cast<int64_t>(prompt.size()) - 1;
  generate::CachedAttention prefill({{&segment, 0, before}});
  decoder.forward(at::tensor(prompt).narrow(0, 0, before), at::arange(before), prefill);
  prefill.advance();
  int64_t token = prompt.back();
  for (const int64_t expected : answer) {
    generate::CachedAttention attention({{&segment, 0, 1}});
    const Tensor logits = decoder.decode({{token, segment.length()}}, attention);
    attention.advance();
    ++agreement->positions;
    agreement->equal += logits.argmax().item<int64_t>() == expected ? 1 : 0;
    token = expected;
  }
}

// Bytes of keys and values that a token reads, on average over the tokens that decode_speed times:
// the first of them is the third after the prompt and sees all before it and itself.
int64_t cache_bytes(const models::DecoderConfig& config, int64_t prompt_tokens, int64_t count) {
  const generate::KvShape shape{config.layer_count(), config.kv_heads, config.head_width};
  const int64_t first = prompt_tokens + 2, last = prompt_tokens + count - 1;
  return shape.bytes_per_token() * (first + last) / 2;
}

// Tokens a second after the first two, which come with the prompt; the ids are appended to `ids`.
Result<double> decode_speed(generate::Generator& generator, const Json& golden, int64_t count,
                            std::vector<int32_t>* ids) {
  using Clock = std::chrono::steady_clock;
  generate::GenerateRequest request;
  request.prompt = golden["prompt"].get<std::vector<int32_t>>();
  request.max_new_tokens = count;
  generate::GeneratorEvents events;
  events.on_done = [&](int64_t, std::vector<generate::Completion> completions) {
    *ids = completions[0].tokens;
  };
  TRY(generator.submit(request));
  TRY(generator.step(events));
  const Clock::time_point begin = Clock::now();
  while (!generator.idle()) TRY(generator.step(events));
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  return static_cast<double>(count - 2) / seconds;
}

Status run(const std::string& model, const std::string& cases_path, int64_t new_tokens) {
  set_compute_threads(0);
  install_arena();
  const at::NoGradGuard no_grad;
  const Json cases = TRY(read_json_file(cases_path))["cases"];
  const weights::ModelFiles files = TRY(weights::ModelFiles::open(model));
  const int64_t bytes = weight_bytes(files);
  const double read_before = probe_read_gb_per_s(bytes, kProbeSeconds);
  models::LoadOptions load;
  load.quantize = "native";
  const std::unique_ptr<models::Decoder> decoder = TRY(models::Decoder::load(files, load));
  if (!decoder->decodes(1)) return unsupported("{}: no fast pass for this model", model);
  Agreement agreement;
  for (const Json& golden : cases) {
    if (golden["options"].empty()) count_agreement(*decoder, golden, &agreement);
  }
  generate::Generator generator(*decoder, TRY(weights::load_tokenizer(files)), {});
  std::vector<int32_t> ids;
  TRY(decode_speed(generator, cases[0], kWarmUpTokens, &ids));
  const double speed = TRY(decode_speed(generator, cases[0], new_tokens, &ids));
  const auto prompt_tokens = static_cast<int64_t>(cases[0]["prompt"].size());
  const int64_t read_of_cache = cache_bytes(decoder->config(), prompt_tokens, new_tokens);
  const double read_after = probe_read_gb_per_s(bytes, kProbeSeconds);
  std::cout << to_line(Json{{"program", "attune"},
                            {"threads", compute_threads()},
                            {"tokens_per_second", speed},
                            {"weight_bytes", bytes},
                            {"cache_bytes", read_of_cache},
                            {"read_gb_per_s", std::max(read_before, read_after)},
                            {"positions", agreement.positions},
                            {"top1_equal", agreement.equal},
                            {"prompt_tokens", prompt_tokens},
                            {"ids", ids}})
            << "\n";
  return {};
}

}  // namespace
}  // namespace attune::engine

int main(int count, char** arguments) {
  return attune::bench::run_on_model(
      count, arguments, "MODEL CASES.json NEW_TOKENS", attune::engine::run);
}
