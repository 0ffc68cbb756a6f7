#include "engine/comm/agreement.h"

#include "base/json.h"
#include "base/log.h"

namespace attune::engine::comm {
namespace {

constexpr char kWell = '+';
constexpr char kFailed = '-';

std::string frame_of(const Result<std::string>& own) {
  if (own.ok()) return kWell + *own;
  return kFailed + to_line(Json{{"code", static_cast<int>(own.error().code())},
                                {"message", own.error().message()}});
}

Error error_in(const std::string& frame) {
  const Json error = parse_json(frame.substr(1)).value();  // written by this very program
  return {static_cast<ErrorCode>(error["code"].get<int>()), error["message"].get<std::string>()};
}

}  // namespace

Result<std::vector<std::string>> gather_or_fail(Communicator& ranks,
                                                const Result<std::string>& own) {
  if (ranks.size() == 1) {
    if (!own.ok()) return own.error();
    return std::vector<std::string>{*own};
  }
  std::vector<std::string> frames = ranks.all_gather(frame_of(own));
  for (std::string& frame : frames) {
    if (frame.starts_with(kFailed)) {
      ranks.failed_together_ = true;
      if (!ranks.is_first()) set_log_level(LogLevel::kSilent);
      return error_in(frame);
    }
    CHECK(frame.starts_with(kWell), "a rank is in another exchange");
    frame.erase(0, 1);
  }
  return frames;
}

Status agree(Communicator& ranks, const Status& own) {
  if (ranks.failed_together_) {  // in an exchange before: the others know
    ranks.failed_together_ = false;
    return own;
  }
  const auto all =
      gather_or_fail(ranks, own.ok() ? Result<std::string>(std::string()) : own.error());
  ranks.failed_together_ = false;
  return all.ok() ? Status() : all.error();
}

}  // namespace attune::engine::comm
