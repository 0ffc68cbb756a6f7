// The curves of a run's report: which metrics of which method stand in one picture, under which
// heading, and which of them is the headline. Names are those of events.jsonl; a picture is drawn
// where a run has one of its metrics, and what stands in none is drawn at the end.
#pragma once

#include <string>

#include "cli/report_data.h"

namespace attune::cli {

// The metric that says best what the method does, as tiles and as the first picture.
struct Headline {
  std::string metric = "loss";
  std::string name = "loss";  // "Held-out loss"
  bool share_of_start = true; // a change is told in per cent of the first value
};
Headline headline_of(const RunData& run);

// The sections "Did it learn?", "Is the reward being gamed?" (where evaluations had a gold reward)
// and "How did it go?".
std::string draw_metrics(const RunData& run);

}  // namespace attune::cli
