// The sampler beside Transformers' logits processors: what is left to draw from, and with which
// probabilities (tests/golden/generate/make_processors.py).
#include <gtest/gtest.h>

#include <cmath>

#include "base/json.h"
#include "engine/generate/sampler.h"
#include "tests/support/test_paths.h"

namespace attune::engine::generate {
namespace {

SamplingOptions options_of(const Json& golden) {
  SamplingOptions options;
  options.do_sample = true;
  options.temperature = golden.value("temperature", 1.0);
  options.top_k = golden.value("top_k", 0);
  options.top_p = golden.value("top_p", 1.0);
  options.min_p = golden.value("min_p", 0.0);
  options.repetition_penalty = golden.value("repetition_penalty", 1.0);
  return options;
}

TEST(Processors, LeaveWhatTransformersLeaves) {
  const Json golden =
      read_json_file(attune::testing::source_path("tests/golden/generate/processors.json")).value();
  ASSERT_GE(golden["cases"].size(), 16u);
  for (const Json& golden_case : golden["cases"]) {
    const auto logits = golden_case["logits"].get<std::vector<float>>();
    const auto expected = golden_case["probabilities"].get<std::vector<double>>();
    const Json& options = golden_case["options"];
    auto seen = golden_case["prompt"].get<std::vector<int32_t>>();
    for (const Json& id : golden_case["answer"]) seen.push_back(id);
    std::vector<int32_t> banned;
    if (golden_case["answer"].size() < options.value("min_new_tokens", size_t{0})) {
      banned.push_back(golden["eos"]);
    }
    Sampler sampler(options_of(options), 0, 0, seen);
    const int32_t drawn = sampler.next(logits, banned).id;
    EXPECT_GT(expected[static_cast<size_t>(drawn)], 0) << options;

    std::vector<double> found(logits.size(), 0.0);
    double total = 0;
    for (const Sampler::Candidate& candidate : sampler.candidates()) total += candidate.weight;
    for (const Sampler::Candidate& candidate : sampler.candidates()) {
      found[static_cast<size_t>(candidate.id)] = candidate.weight / total;
    }
    for (size_t id = 0; id < found.size(); ++id) {
      // Recorded to nine digits: what is less than that may be rounding, what was removed is 0.
      const bool removed = expected[id] == 0;
      EXPECT_TRUE(removed ? found[id] < 1e-9 : found[id] > 0) << options << " token " << id;
      EXPECT_NEAR(found[id], expected[id], 2e-6) << options << " token " << id;
    }
  }
}

}  // namespace
}  // namespace attune::engine::generate
