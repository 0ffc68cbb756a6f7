#include "cli/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/file.h"
#include "base/log.h"

namespace attune::cli {
namespace {

constexpr int kBarWidth = 24;
constexpr int64_t kLongRows = 100;  // from so many on, tenths are told where there is no terminal

// A loss that is NaN stands in the file as null: what is not a number shows as `fallback`.
double number(const Json& event, const char* key, double fallback = 0.0) {
  Result<double> found = get_double_or(event, key, fallback);
  return found.ok() ? *found : fallback;
}

int64_t whole(const Json& event, const char* key) {
  Result<int64_t> found = get_int_or(event, key, 0);
  return found.ok() ? *found : 0;
}

std::string step_line(const Json& event, int64_t total, int64_t tokens_before) {
  double seconds = number(event, "seconds");
  auto tokens = static_cast<double>(whole(event, "num_tokens") - tokens_before);
  return fmt::format("step {}/{}  loss {:.4f}  grad {:.3f}  lr {:.2e}  {:.0f} tokens/s",
                     whole(event, "step"), total, number(event, "loss", NAN),
                     number(event, "grad_norm", NAN), number(event, "learning_rate"),
                     seconds > 0 ? tokens / seconds : 0.0);
}

std::string bar(int64_t step, int64_t total) {
  if (total <= 0) return "";
  auto filled = static_cast<size_t>(std::clamp<int64_t>(step, 0, total) * kBarWidth / total);
  return "[" + std::string(filled, '#') + std::string(kBarWidth - filled, '.') + "] ";
}

}  // namespace

Progress::Progress(const std::string& run_directory, bool json)
    : path_(join_path(run_directory, "events.jsonl")),
      json_(json),
      terminal_(!json && ::isatty(STDERR_FILENO) == 1) {
  Result<uint64_t> size = file_size_bytes(path_);
  read_bytes_ = size.ok() ? static_cast<size_t>(*size) : 0;
}

void Progress::update() {
  Result<MappedFile> file = MappedFile::open(path_);
  if (!file.ok()) return;
  read_bytes_ = std::min(read_bytes_, file->size());  // a resumed run cuts the lines after its step
  std::string_view text = file->text().substr(read_bytes_);
  size_t end = 0;
  while ((end = text.find('\n')) != std::string_view::npos) {
    Result<Json> event = parse_json(text.substr(0, end));
    if (event.ok() && json_) {
      std::fwrite(text.data(), 1, end + 1, stdout);
      std::fflush(stdout);
    }
    if (event.ok()) show(*event);
    text.remove_prefix(end + 1);
    read_bytes_ += end + 1;
  }
}

void Progress::show(const Json& event) {
  Result<std::string> named = get_string(event, "event");
  if (!named.ok()) return;
  const std::string& kind = *named;
  if (kind == "start" || kind == "resume") total_steps_ = whole(event, "total_steps");
  if (!terminal_) return;
  if (kind == "step") {
    std::string line = step_line(event, total_steps_, tokens_);
    tokens_ = whole(event, "num_tokens");
    fmt::print(stderr, "\r\033[K{}{}", bar(whole(event, "step"), total_steps_), line);
    drawn_ = true;
  } else if (kind == "eval") {
    fmt::print(stderr, "\r\033[Kstep {}  eval_loss {:.4f}\n", whole(event, "step"),
               number(event, "eval_loss", NAN));
    drawn_ = false;
  }
  std::fflush(stderr);
}

void Progress::finish() {
  update();
  if (drawn_) std::fputs("\n", stderr);
  drawn_ = false;
}

RowProgress::RowProgress(int64_t total)
    : total_(total), terminal_(::isatty(STDERR_FILENO) == 1) {}

void RowProgress::make_way() {
  if (!drawn_) return;
  std::fputs("\r\033[K", stderr);
  std::fflush(stderr);
  drawn_ = false;
}

void RowProgress::advance() {
  ++done_;
  if (terminal_) {
    if (done_ == total_) return;
    std::fflush(stdout);  // a row that was printed stands above the line
    fmt::print(stderr, "\r\033[K{}{}/{} rows", bar(done_, total_), done_, total_);
    std::fflush(stderr);
    drawn_ = true;
  } else if (total_ >= kLongRows && done_ * 10 / total_ != (done_ - 1) * 10 / total_) {
    log_info("{} of {} rows", done_, total_);
  }
}

}  // namespace attune::cli
