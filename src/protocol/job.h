// The job file: what `attune train` hands to `attune-engine train`. Everything in it is resolved:
// local paths, JSON-lines files, every option with its value (docs/formats/job.md).
//
//   {"format": "attune-job", "version": 1, "kind": "train", "recipe": "sft",
//    "config": {"learning_rate": 2e-05, ...}, "model": "/models/m", "adapter": "",
//    "train_files": ["/run/data/train.jsonl"], "eval_files": [], "output_dir": "/run"}
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace attune::protocol {

struct Job {
  std::string recipe;                    // "sft"
  Json config;                           // every used option of the recipe's table
  std::string model;                     // a local folder or GGUF file
  std::string adapter;                   // a local PEFT folder to continue from, or ""
  std::vector<std::string> train_files;  // JSON, JSON lines or CSV; at least one
  std::vector<std::string> eval_files;
  std::string output_dir;  // the run directory; exists
};

Json to_json(const Job& job);
// Errors name the member; the caller adds the path.
Result<Job> parse_job(const Json& value);
Result<Job> read_job(const std::string& path);

}  // namespace attune::protocol
