// Rewards from any program: it reads a line for each answer and writes a line with its reward
// (docs/formats/reward-command.md).
//
//   us     {"id":1,"prompt":"Say hello.","completion":" Hello!"}
//   it     {"id":1,"reward":0.75}
//
// Prompt and completion are texts, or lists of messages as the rows have them. Answers may come in
// any order. It runs as long as the object lives. When it dies or says nothing for `timeout_ms` it
// is started anew once and asked for what it still owes; a second time, and anything it says that
// is no answer, is an error with its last lines of standard error. Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "protocol/line_process.h"

namespace attune::protocol {

struct RewardQuery {
  OrderedJson prompt;
  OrderedJson completion;
};

class RewardCommand {
 public:
  // `timeout_ms` is how long it may say nothing while it owes answers.
  RewardCommand(std::string command, int timeout_ms)
      : command_(std::move(command)), timeout_ms_(timeout_ms) {}

  // Starts the command where it does not run yet. Rewards in the order of the queries, all finite.
  // kUnavailable: it died or hung; kInvalidInput: what it said is no answer.
  Result<std::vector<double>> score(const std::vector<RewardQuery>& queries);

 private:
  using Owed = std::map<int64_t, size_t>;  // id -> query

  Status collect(const std::vector<RewardQuery>& queries, Owed* owed,
                 std::vector<double>* rewards);
  Status take_answer(const std::string& line, Owed* owed, std::vector<double>* rewards);
  Status quiet_before_questions();
  Error gone(size_t owed, size_t asked);
  Error with_last_errors(Error error);

  std::string command_;
  int timeout_ms_;
  std::unique_ptr<LineProcess> process_;
  int64_t next_id_ = 1;
};

}  // namespace attune::protocol
