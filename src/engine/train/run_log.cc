#include "engine/train/run_log.h"

#include <cmath>
#include <sstream>

namespace attune::engine::train {
namespace {

// The lines of `text` that belong to steps up to `step`; cut and foreign lines are left out.
std::string lines_up_to(const std::string& text, int64_t step) {
  std::string kept;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const auto event = parse_json(line);
    if (!event.ok() || lines.eof()) continue;
    const Json* at = find(*event, "step");
    if (at == nullptr || !at->is_number() || at->get<int64_t>() <= step) kept += line + "\n";
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
  if (resumed && exists(path)) {
    TRY(write_file(path, lines_up_to(TRY(read_file(path)), step)));
  } else {
    TRY(remove_all(path));
  }
  auto events = TRY(AppendFile::open(path));
  auto curves = TRY(TensorBoardWriter::create(run_directory, step + 1));
  return std::unique_ptr<RunLog>(new RunLog(std::move(events), std::move(curves)));
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
