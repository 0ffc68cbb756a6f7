// Rollouts in fp32: rollout_bench MODEL PROMPTS.json NEW_TOKENS. Runs all prompts (lists of ids) at
// once through the generator, greedily and without an end-of-sequence id, so that every one gets
// NEW_TOKENS. Prints one JSON line with new tokens a second, prompts included, and the ids.
#include <chrono>
#include <iostream>

#include "base/json.h"
#include "engine/generate/generator.h"
#include "engine/tensor/arena.h"
#include "engine/tensor/threads.h"
#include "weights/model_files.h"

#include "model_bench.h"

namespace attune::engine {
namespace {

using Clock = std::chrono::steady_clock;

Status run(const std::string& model, const std::string& prompts_path, int64_t new_tokens) {
  set_compute_threads(0);
  install_arena();
  const Json prompts = TRY(read_json_file(prompts_path));
  const weights::ModelFiles files = TRY(weights::ModelFiles::open(model));
  const std::unique_ptr<models::Decoder> decoder = TRY(models::Decoder::load(files, {}));
  generate::Generator generator(*decoder, TRY(weights::load_tokenizer(files)), {});
  std::vector<generate::GenerateRequest> requests;
  for (const Json& prompt : prompts) {
    generate::GenerateRequest request;
    request.prompt = prompt.get<std::vector<int32_t>>();
    request.max_new_tokens = new_tokens;
    requests.push_back(request);
  }
  generate::GenerateRequest warm_up = requests[0];
  warm_up.max_new_tokens = 2;
  TRY(generator.run({warm_up}));
  const Clock::time_point begin = Clock::now();
  const auto results = TRY(generator.run(std::move(requests)));
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  Json ids = Json::array();
  for (const auto& samples : results) ids.push_back(samples[0].tokens);
  const auto tokens = static_cast<double>(new_tokens) * static_cast<double>(results.size());
  std::cout << to_line(Json{{"program", "attune"}, {"threads", compute_threads()},
                            {"tokens_per_second", tokens / seconds}, {"ids", ids}})
            << "\n";
  return {};
}

}  // namespace
}  // namespace attune::engine

int main(int count, char** arguments) {
  return attune::bench::run_on_model(
      count, arguments, "MODEL PROMPTS.json NEW_TOKENS", attune::engine::run);
}
