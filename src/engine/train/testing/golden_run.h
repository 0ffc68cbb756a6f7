// Training on a golden's rows (tests/golden/train), for the tests of all of train/.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "base/result.h"
#include "engine/train/plan.h"
#include "engine/train/rows/sft_rows.h"

namespace attune::engine::train {

std::vector<SftRow> golden_rows(const Json& golden);

// One line of events.jsonl.
struct Step {
  double loss = 0;
  double grad_norm = 0;
  double learning_rate = 0;
};

// How a run differs from the golden's plain one.
struct Variant {
  Plan plan = {};
  std::optional<int64_t> pack_to{};
  std::vector<SftRow> evaluation{};
  Json config = Json::object();
};

// The lines of a run's events.jsonl of one kind.
std::vector<Json> events_of(const std::string& folder, const std::string& kind);

// Trains the model at `path` on the golden's rows with the golden's configuration, with the plan's
// threads.
Result<std::vector<Step>> train_golden(const std::string& path, const Json& golden,
                                       const Variant& variant, const std::string& folder);

// Every loss within 1e-4 relative, every norm within 1 %.
void expect_parity(const std::vector<Step>& steps, const Json& golden);

}  // namespace attune::engine::train
