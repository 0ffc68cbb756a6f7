// report.html of a run: one self-contained page that answers "did it learn, from what, how fast,
// and what does it say now?".
#pragma once

#include <string>

#include "base/result.h"

namespace attune::cli {

// Reads events.jsonl, data_report.json and config.yaml of a run directory and writes report.html
// beside them; returns its path. A run that is still going gives a report of what is there.
Result<std::string> write_report(const std::string& run_directory);

}  // namespace attune::cli
