// A program of the user's that says which of two answers is better: an external judge (a call of
// another model, a rule). It is asked about every pair in both orders, since judges favour a side
// (docs/formats/judge-command.md).
//
//   us     {"id":1,"prompt":"Say hello.","first":"Hello!","second":"Go away."}
//   it     {"id":1,"preferred":"first"}                    first, second, or tie
//      or  {"id":1,"probability":0.9}                      that the first is better, in [0, 1]
//
// Answers may come in any order. Not thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "protocol/line_process.h"

namespace attune::cli {

struct PairQuestion {
  OrderedJson prompt;
  std::string first;
  std::string second;
};

class PairJudge {
 public:
  static Result<PairJudge> start(const std::string& command, int timeout_ms);

  // The probability that `first` is better, as said, by question. kUnavailable: the program ended
  // or said nothing for timeout_ms; kInvalidInput: what it said is no answer. Both name the
  // command.
  Result<std::vector<double>> ask(const std::vector<PairQuestion>& questions);

 private:
  PairJudge(std::string command, int timeout_ms,
            std::unique_ptr<protocol::LineProcess> process)
      : command_(std::move(command)), timeout_ms_(timeout_ms), process_(std::move(process)) {}
  Status take(const std::string& line, std::vector<double>* answers, size_t* missing);
  Error failed(ErrorCode code, const std::string& what) const;

  std::string command_;
  int timeout_ms_;
  std::unique_ptr<protocol::LineProcess> process_;
};

}  // namespace attune::cli
