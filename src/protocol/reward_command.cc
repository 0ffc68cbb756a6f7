#include "protocol/reward_command.h"

#include <fmt/ranges.h>

#include <cmath>

#include "base/log.h"
#include "protocol/patience.h"

namespace attune::protocol {
namespace {

constexpr size_t kAnswerBytesMax = 1u << 20;
constexpr size_t kShownBytes = 200;  // of a line in an error
constexpr int kEndMs = 200;          // for a program that has closed its output to end

std::string shown(const std::string& line) {
  return line.size() <= kShownBytes ? line : line.substr(0, kShownBytes) + "...";
}

// Python's json and others write these, although JSON has no such numbers.
bool has_no_number(const std::string& line) {
  return line.find("NaN") != std::string::npos || line.find("Infinity") != std::string::npos;
}

Result<Json> parse_answer(const std::string& line) {
  auto parsed = parse_json(line);
  if (parsed.ok() && parsed->is_object()) return parsed;
  if (has_no_number(line)) {
    return invalid_input("its reward is no number: {}", shown(line));
  }
  return invalid_input(
      "printed a line that is no answer: \"{}\"; only lines like {{\"id\":1,\"reward\":0.5}} go to "
      "standard output, messages go to standard error",
      shown(line));
}

}  // namespace

Result<std::vector<double>> RewardCommand::score(const std::vector<RewardQuery>& queries) {
  std::vector<double> rewards(queries.size());
  Owed owed;
  for (size_t i = 0; i < queries.size(); ++i) owed[next_id_++] = i;
  for (bool again = false;; again = true) {
    const Status status = collect(queries, &owed, &rewards);
    if (status.ok()) return rewards;
    const Error error = with_last_errors(status.error());
    process_.reset();
    if (again || error.code() != ErrorCode::kUnavailable) return error;
    log_warning("{}; it is started anew and asked for the {} answers that are missing",
                error.message(), owed.size());
  }
}

// Asks for what is owed and waits for it.
Status RewardCommand::collect(const std::vector<RewardQuery>& queries, Owed* owed,
                              std::vector<double>* rewards) {
  if (process_ == nullptr) {
    process_ = TRY(LineProcess::start(command_));
  } else {
    TRY(quiet_before_questions());
  }
  for (const auto& [id, index] : *owed) {
    process_->send(to_line(OrderedJson{{"id", id},
                                       {"prompt", queries[index].prompt},
                                       {"completion", queries[index].completion}}));
  }
  const size_t asked = owed->size();
  Patience patience(timeout_ms_);  // blank lines say nothing
  while (!owed->empty()) {
    ReceivedLine line = process_->receive(patience.left_ms(), kAnswerBytesMax);
    if (line.event == LineEvent::kLine && is_blank(line.text)) {
      if (!patience.over()) continue;
      line.event = LineEvent::kTimeout;
    }
    switch (line.event) {
      case LineEvent::kLine:
        TRY(take_answer(line.text, owed, rewards));
        patience.renew();
        break;
      case LineEvent::kTooLong:
        return invalid_input("printed a line of more than {} bytes", kAnswerBytesMax);
      case LineEvent::kTimeout:
        return make_error(
            ErrorCode::kUnavailable,
            "said nothing for {} ms with {} of {} answers missing (reward_timeout_ms)", timeout_ms_,
            owed->size(), asked);
      case LineEvent::kClosed:
        return gone(owed->size(), asked);
    }
  }
  return {};
}

// Nothing is owed between two calls: what came meanwhile would be taken for an answer.
Status RewardCommand::quiet_before_questions() {
  const Patience patience(timeout_ms_);
  do {
    const ReceivedLine line = process_->receive(0, kAnswerBytesMax);
    if (line.event == LineEvent::kTimeout) return {};
    if (line.event == LineEvent::kClosed) return gone(0, 0);
    if (line.event == LineEvent::kLine && is_blank(line.text)) continue;
    return invalid_input("printed a line after all its answers: \"{}\"", shown(line.text));
  } while (!patience.over());
  return make_error(ErrorCode::kUnavailable, "prints blank lines without end");
}

Status RewardCommand::take_answer(const std::string& line, Owed* owed,
                                  std::vector<double>* rewards) {
  const Json answer = TRY(parse_answer(line));
  const Json* id = find(answer, "id");
  if (id == nullptr || !id->is_number_integer()) {
    return invalid_input("answered without the \"id\" it was given: {}", shown(line));
  }
  const auto question = owed->find(id->get<int64_t>());
  if (question == owed->end()) {
    return invalid_input("answered id {}, which is not open (answered twice, or never asked): {}",
                         id->get<int64_t>(), shown(line));
  }
  const Json* reward = find(answer, "reward");
  if (reward == nullptr || !reward->is_number() || !std::isfinite(reward->get<double>())) {
    return invalid_input("answered without a finite number as \"reward\": {}", shown(line));
  }
  (*rewards)[question->second] = reward->get<double>();
  owed->erase(question);
  return {};
}

Error RewardCommand::gone(size_t owed, size_t asked) {
  const std::optional<int> code = process_->wait(kEndMs);
  std::string what = "closed its standard output";
  if (code && *code > 128) what = fmt::format("was ended by signal {}", *code - 128);
  if (code && *code <= 128) what = fmt::format("ended with exit code {}", *code);
  if (asked > 0) what += fmt::format(" with {} of {} answers missing", owed, asked);
  if (!process_->cut_line().empty()) {
    what += fmt::format(", in the middle of a line (\"{}\")", shown(process_->cut_line()));
  }
  return {ErrorCode::kUnavailable, what};
}

Error RewardCommand::with_last_errors(Error error) {
  std::string message = error.message();
  if (process_ != nullptr && !process_->last_errors().empty()) {
    message += fmt::format("; its standard error ends with: {}",
                           fmt::join(process_->last_errors(), " | "));
  }
  return Error(error.code(), message).with_context(fmt::format("reward_command `{}`", command_));
}

}  // namespace attune::protocol
