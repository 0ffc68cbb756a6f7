// Runs of the engine program on a small model, to be killed and resumed, for the tests of
// all of train/.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"

namespace attune::engine::train {

// Writes `count` prompt/completion rows that the small model can read; their lengths differ.
void write_rows(const std::string& path, size_t count);

class EngineRun {
 public:
  // `config` on top of: one thread, 3 rows a step, a checkpoint every 4 of 40 steps, two kept.
  // `eval_files` may be empty.
  EngineRun(std::string rows, std::vector<std::string> eval_files, Json config);

  // Another recipe than sft; a PEFT folder to go on from.
  void set_recipe(std::string recipe) { recipe_ = std::move(recipe); }
  void set_adapter(std::string adapter) { adapter_ = std::move(adapter); }
  // Files of further options, by option.
  void set_further_files(std::map<std::string, std::vector<std::string>> files) {
    further_files_ = std::move(files);
  }

  // Starts the program; `environment` is added to ours.
  pid_t start(bool resume, const std::map<std::string, std::string>& environment = {});

  // Runs it to its end; the exit code, 128 + the signal's number when one ended it.
  int finish(bool resume, const std::map<std::string, std::string>& environment = {});

  // Sends `number` as soon as a line with `mark` is in events.jsonl; the exit code.
  int interrupt_at(bool resume, const std::string& mark, int number);

  // The file's hash, or why there is none.
  std::string hash(const std::string& file) const;

  // The lines of events.jsonl but for the clock, and for what tells of stops: "start", "resume",
  // "interrupted" and, unless wanted, "checkpoint".
  std::vector<std::string> events(bool checkpoints) const;

  const std::string& directory() const { return folder_.path(); }

 private:
  TemporaryDirectory folder_;
  std::string rows_;
  std::vector<std::string> eval_files_;
  Json config_;
  std::string recipe_ = "sft";
  std::string adapter_;
  std::map<std::string, std::vector<std::string>> further_files_;
};

}  // namespace attune::engine::train
