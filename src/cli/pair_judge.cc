#include "cli/pair_judge.h"

#include <fmt/ranges.h>

#include <cmath>

#include "protocol/patience.h"

namespace attune::cli {
namespace {

constexpr size_t kAnswerBytesMax = 1u << 20;
constexpr size_t kShownBytes = 200;

// NaN: what was said is no answer.
double probability_of(const Json& answer) {
  const Json* preferred = find(answer, "preferred");
  if (preferred != nullptr && preferred->is_string()) {
    const auto side = preferred->get<std::string>();
    if (side == "first") return 1;
    if (side == "second") return 0;
    if (side == "tie") return 0.5;
    return std::nan("");
  }
  const Json* probability = find(answer, "probability");
  if (probability == nullptr || !probability->is_number()) return std::nan("");
  const double value = probability->get<double>();
  return value >= 0 && value <= 1 ? value : std::nan("");
}

}  // namespace

Result<PairJudge> PairJudge::start(const std::string& command, int timeout_ms) {
  return PairJudge(command, timeout_ms, TRY(protocol::LineProcess::start(command)));
}

Error PairJudge::failed(ErrorCode code, const std::string& what) const {
  std::string message = fmt::format("judge_command `{}`: {}", command_, what);
  if (!process_->last_errors().empty()) {
    message += fmt::format("; its standard error ends with: {}",
                           fmt::join(process_->last_errors(), " | "));
  }
  return {code, message};
}

Status PairJudge::take(const std::string& line, std::vector<double>* answers, size_t* missing) {
  const auto answer = parse_json(line);
  const Json* id = answer.ok() && answer->is_object() ? find(*answer, "id") : nullptr;
  const double probability = id == nullptr ? std::nan("") : probability_of(*answer);
  if (std::isnan(probability) || !id->is_number_integer()) {
    return failed(ErrorCode::kInvalidInput,
                  fmt::format("printed a line that is no answer: \"{}\"; give "
                              "{{\"id\":1,\"preferred\":\"first\"}} (first, second or tie), or "
                              "\"probability\" from 0 to 1",
                              line.substr(0, kShownBytes)));
  }
  const auto index = static_cast<size_t>(id->get<int64_t>() - 1);
  if (index >= answers->size() || !std::isnan((*answers)[index])) {
    return failed(ErrorCode::kInvalidInput,
                  fmt::format("answered id {}, which is not open", id->get<int64_t>()));
  }
  (*answers)[index] = probability;
  --*missing;
  return {};
}

Result<std::vector<double>> PairJudge::ask(const std::vector<PairQuestion>& questions) {
  for (size_t i = 0; i < questions.size(); ++i) {
    process_->send(to_line(OrderedJson{{"id", i + 1},
                                       {"prompt", questions[i].prompt},
                                       {"first", questions[i].first},
                                       {"second", questions[i].second}}));
  }
  std::vector<double> answers(questions.size(), std::nan(""));
  size_t missing = questions.size();
  protocol::Patience patience(timeout_ms_);
  while (missing > 0) {
    protocol::ReceivedLine line = process_->receive(patience.left_ms(), kAnswerBytesMax);
    if (line.event == protocol::LineEvent::kLine && protocol::is_blank(line.text)) {
      if (!patience.over()) continue;
      line.event = protocol::LineEvent::kTimeout;
    }
    const std::string open = fmt::format("with {} of {} answers missing", missing,
                                         questions.size());
    switch (line.event) {
      case protocol::LineEvent::kLine:
        TRY(take(line.text, &answers, &missing));
        patience.renew();
        break;
      case protocol::LineEvent::kTooLong:
        return failed(ErrorCode::kInvalidInput,
                      fmt::format("printed a line of more than {} bytes", kAnswerBytesMax));
      case protocol::LineEvent::kTimeout:
        return failed(ErrorCode::kUnavailable,
                      fmt::format("said nothing for {} ms {}", timeout_ms_, open));
      case protocol::LineEvent::kClosed:
        return failed(ErrorCode::kUnavailable, "ended " + open);
    }
  }
  return answers;
}

}  // namespace attune::cli
