#include "cli/progress.h"

#include <unistd.h>

#include <cstdio>

#include "base/file.h"

namespace attune::cli {
namespace {

constexpr int kBarWidth = 24;

std::string step_line(const Json& event, int64_t total, int64_t tokens_before) {
  double seconds = event.value("seconds", 0.0);
  auto tokens = static_cast<double>(event.value("num_tokens", int64_t{0}) - tokens_before);
  return fmt::format("step {}/{}  loss {:.4f}  grad {:.3f}  lr {:.2e}  {:.0f} tokens/s",
                     event.value("step", int64_t{0}), total, event.value("loss", 0.0),
                     event.value("grad_norm", 0.0), event.value("learning_rate", 0.0),
                     seconds > 0 ? tokens / seconds : 0.0);
}

std::string bar(int64_t step, int64_t total) {
  if (total <= 0) return "";
  auto filled = static_cast<size_t>(std::min(step, total) * kBarWidth / total);
  return "[" + std::string(filled, '#') + std::string(kBarWidth - filled, '.') + "] ";
}

}  // namespace

Progress::Progress(const std::string& run_directory)
    : path_(join_path(run_directory, "events.jsonl")), terminal_(::isatty(STDERR_FILENO) == 1) {
  Result<uint64_t> size = file_size_bytes(path_);
  read_bytes_ = size.ok() ? static_cast<size_t>(*size) : 0;
}

void Progress::update() {
  Result<MappedFile> file = MappedFile::open(path_);
  if (!file.ok() || file->size() <= read_bytes_) return;
  std::string_view text = file->text().substr(read_bytes_);
  size_t end = 0;
  while ((end = text.find('\n')) != std::string_view::npos) {
    Result<Json> event = parse_json(text.substr(0, end));
    if (event.ok()) show(*event);
    text.remove_prefix(end + 1);
    read_bytes_ += end + 1;
  }
}

void Progress::show(const Json& event) {
  std::string kind = event.value("event", "");
  if (kind == "start" || kind == "resume") total_steps_ = event.value("total_steps", int64_t{0});
  if (!terminal_) return;
  if (kind == "step") {
    std::string line = step_line(event, total_steps_, tokens_);
    tokens_ = event.value("num_tokens", int64_t{0});
    fmt::print(stderr, "\r\033[K{}{}", bar(event.value("step", int64_t{0}), total_steps_), line);
    drawn_ = true;
  } else if (kind == "eval") {
    fmt::print(stderr, "\r\033[Kstep {}  eval_loss {:.4f}\n", event.value("step", int64_t{0}),
               event.value("eval_loss", 0.0));
    drawn_ = false;
  }
  std::fflush(stderr);
}

void Progress::finish() {
  update();
  if (drawn_) std::fputs("\n", stderr);
  drawn_ = false;
}

}  // namespace attune::cli
