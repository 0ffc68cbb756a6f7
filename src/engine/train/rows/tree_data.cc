#include "engine/train/rows/tree_data.h"

#include <functional>
#include <unordered_set>

#include "base/file.h"
#include "base/json_file.h"
#include "engine/train/lineage.h"

namespace attune::engine::train {
namespace {

Result<TreeRowOptions> row_options(const Json& config, const TrainingRun& run,
                                   TreeRowOptions options) {
  options.text_field = TRY(get_string_or(config, "dataset_text_field", "text"));
  options.vocabulary = run.config().vocabulary;
  options.context = run.config().context;
  options.contradictions = TRY(read_contradictions(config));
  options.max_length.reset();
  const bool unlimited = config.contains("max_length") && config["max_length"].is_null();
  if (!unlimited) options.max_length = TRY(get_int_or(config, "max_length", 1024));
  return options;
}

// A hash of a prompt with two answers, the first preferred.
size_t side_by_side(const models::TokenTree& tree, size_t better, size_t worse) {
  std::string key;
  const auto add = [&](const std::vector<int32_t>& ids) {
    const uint64_t size = ids.size();
    key.append(reinterpret_cast<const char*>(&size), sizeof(size));
    key.append(reinterpret_cast<const char*>(ids.data()), size * sizeof(int32_t));
  };
  add(tree.prompt);
  add(tree.branches[better].ids);
  add(tree.branches[worse].ids);
  return std::hash<std::string>()(key);
}

// Rows that say the opposite of another row about the same two answers and are still there, since
// different people wrote them (or contradictory_rows: keep). They stay: people disagree, and the
// share of such rows says how much a loss should trust its labels (label_smoothing).
void note_disagreements(const std::vector<TreeRow>& rows, DataReport* report) {
  std::unordered_set<size_t> said;
  const auto each_pair = [](const TreeRow& row, const auto& body) {
    for (size_t i = 0; i < row.ranks.size(); ++i) {
      for (size_t j = 0; j < row.ranks.size(); ++j) {
        if (row.ranks[i] && row.ranks[j] && *row.ranks[i] < *row.ranks[j]) body(i, j);
      }
    }
  };
  for (const TreeRow& row : rows) {
    bool against = false;
    each_pair(row, [&](size_t better, size_t worse) {
      against = against || said.contains(side_by_side(row.tree, worse, better));
    });
    if (against) report->note_disagreement(row.name);
    each_pair(row, [&](size_t better, size_t worse) {
      said.insert(side_by_side(row.tree, better, worse));
    });
  }
}

}  // namespace

Result<TreeData> load_tree_data(const protocol::Job& job, const TrainingRun& run,
                                const TreeRowOptions& wanted) {
  auto tokenizer =
      TRY(data::ExampleTokenizer::make(run.text().tokenizer, run.text().chat_template));
  TreeRowOptions options = TRY(row_options(job.config, run, wanted));
  const auto read = [&](Split, const std::vector<std::string>& files,
                        std::optional<int64_t> max_rows,
                        DataReport* report) -> Result<std::vector<TreeRow>> {
    options.max_rows = max_rows;
    auto rows = TRY(read_tree_rows(files, TreeTokenizer(tokenizer, options), report));
    note_disagreements(rows, report);
    return rows;
  };
  TreeData data;
  const Status loaded = read_splits(job, run.options(), read, &data);
  TRY(write_json_file(join_path(job.output_dir, "data_report.json"), data.report()));
  TRY(loaded);
  TRY(write_lineage(job, data.train_report.guidelines()));
  return data;
}

}  // namespace attune::engine::train
