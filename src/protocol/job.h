// The job file: what `attune train` hands to `attune-engine train`. Everything in it is resolved:
// local paths, JSON-lines files, every option with its value (docs/formats/job.md).
//
//   {"format": "attune-job", "version": 1, "kind": "train", "recipe": "sft",
//    "config": {"learning_rate": 2e-05, ...}, "written": ["learning_rate"],
//    "model": "/models/m", "adapter": "", "models": {},
//    "train_files": ["/run/data/train.jsonl"], "eval_files": [], "output_dir": "/run"}
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace attune::protocol {

// Another model that a run needs: as reference, as judge, ...
struct JobModel {
  std::string model;    // a local folder or GGUF file
  std::string adapter;  // a local PEFT folder on top of it, or ""
};

struct Job {
  std::string recipe;                    // "sft"
  Json config;                           // every used option of the recipe's table
  std::set<std::string> written = {};    // of these, what somebody set, if to its default
  std::string model;                     // a local folder or GGUF file
  std::string adapter;                   // a local PEFT folder to continue from, or ""
  std::map<std::string, JobModel> models;  // by the option that names it: "ref_model_name_or_path"
  std::vector<std::string> train_files;  // JSON, JSON lines or CSV; at least one
  std::vector<std::string> eval_files;
  // Of further options that name data, by option: "pretrain_dataset_name".
  std::map<std::string, std::vector<std::string>> further_files = {};
  std::string output_dir;  // the run directory; exists
};

Json to_json(const Job& job);
// Errors name the member; the caller adds the path.
Result<Job> parse_job(const Json& value);
Result<Job> read_job(const std::string& path);

}  // namespace attune::protocol
