#include "engine/train/run_log.h"

#include <cmath>
#include <sstream>

namespace attune::engine::train {
namespace {

struct KeptLines {
  std::string text;
  bool has_checkpoint = false;
};

// The lines of `text` up to that of the checkpoint of `step`; when it has none, those of steps up
// to `step`. Cut and foreign lines are left out.
KeptLines lines_up_to(const std::string& text, int64_t step) {
  KeptLines kept;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line) && !kept.has_checkpoint;) {
    const auto event = parse_json(line);
    if (!event.ok() || lines.eof()) continue;
    const Json* at = find(*event, "step");
    const bool has_step = at != nullptr && at->is_number();
    if (has_step && at->get<int64_t>() > step) continue;
    kept.text += line + "\n";
    kept.has_checkpoint = has_step && at->get<int64_t>() == step &&
                          event->value("event", Json()) == "checkpoint";
  }
  return kept;
}

Scalars curves_of(const std::string& kind, const OrderedJson& fields) {
  Scalars scalars;
  const std::string folder = kind == "step" ? "train/" : "eval/";
  for (const auto& [name, value] : fields.items()) {
    if (name != "step" && value.is_number()) {
      const std::string tag = name.starts_with("eval_") ? name.substr(5) : name;
      scalars.emplace_back(folder + tag, value.get<double>());
    }
  }
  return scalars;
}

}  // namespace

Result<std::unique_ptr<RunLog>> RunLog::open(const std::string& run_directory, int64_t step,
                                             bool resumed) {
  const std::string path = join_path(run_directory, "events.jsonl");
  bool has_checkpoint = false;
  if (resumed && exists(path)) {
    const KeptLines kept = lines_up_to(TRY(read_file(path)), step);
    has_checkpoint = kept.has_checkpoint;
    TRY(write_file(path, kept.text));
  } else {
    TRY(remove_all(path));
  }
  auto events = TRY(AppendFile::open(path));
  auto curves = TRY(TensorBoardWriter::create(run_directory, step + 1));
  std::unique_ptr<RunLog> log(new RunLog(std::move(events), std::move(curves)));
  log->has_checkpoint_ = has_checkpoint;
  return log;
}

Status RunLog::write(const std::string& kind, const OrderedJson& fields) {
  OrderedJson line = {{"event", kind}};
  line.update(fields);
  TRY(events_->append_line(to_line(line)));
  const auto step = fields.find("step");
  if ((kind == "step" || kind == "eval") && step != fields.end()) {
    TRY(curves_->write(step->get<int64_t>(), curves_of(kind, fields)));
  }
  return {};
}

}  // namespace attune::engine::train
