#include "engine/train/reward/reward_folds.h"

#include <algorithm>
#include <map>

#include "base/file.h"

namespace attune::engine::train {

Result<std::vector<std::vector<std::string>>> annotator_folds(const std::vector<TreeRow>& rows,
                                                              int64_t folds) {
  std::map<std::string, int64_t> counts;
  for (const TreeRow& row : rows) {
    if (!row.annotator.empty()) ++counts[row.annotator];
  }
  std::vector<std::pair<std::string, int64_t>> busiest(counts.begin(), counts.end());
  if (static_cast<int64_t>(busiest.size()) < folds) {
    return invalid_input(
        "annotator_folds: {} folds need as many annotators, but the rows name {} (column "
        "\"annotator\")",
        folds, busiest.size());
  }
  std::stable_sort(busiest.begin(), busiest.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  std::vector<std::vector<std::string>> dealt(static_cast<size_t>(folds));
  std::vector<int64_t> load(static_cast<size_t>(folds), 0);
  for (const auto& [name, count] : busiest) {
    const auto least = std::min_element(load.begin(), load.end()) - load.begin();
    dealt[static_cast<size_t>(least)].push_back(name);
    load[static_cast<size_t>(least)] += count;
  }
  return dealt;
}

Status leave_out(const std::vector<std::string>& annotators, TreeData* data) {
  std::vector<TreeRow> kept;
  data->evaluation.clear();
  for (TreeRow& row : data->train) {
    const bool held_out =
        std::find(annotators.begin(), annotators.end(), row.annotator) != annotators.end();
    (held_out ? data->evaluation : kept).push_back(std::move(row));
  }
  data->train = std::move(kept);
  if (!data->train.empty()) return {};
  return invalid_input("annotator_folds: without {} and the others of its fold no row is left to "
                       "train on",
                       annotators.front());
}

Result<OrderedJson> report_folds(const std::vector<std::string>& folders,
                                 const std::vector<std::vector<std::string>>& annotators) {
  OrderedJson report = {{"folds", OrderedJson::array()}};
  double right = 0, pairs = 0;
  for (size_t i = 0; i < folders.size(); ++i) {
    const std::string path = join_path(folders[i], "reward_evaluation.json");
    const Json evaluation = TRY(read_json_file(path));
    const Json* preferences = find(evaluation, "preferences");
    if (preferences == nullptr) return invalid_input("{}: has no preferences", path);
    const int64_t count = TRY(get_int(*preferences, "pairs"));
    OrderedJson fold = {{"annotators", annotators[i]}, {"pairs", count}};
    if (find(*preferences, "accuracy") != nullptr) {
      const double accuracy = TRY(get_double(*preferences, "accuracy"));
      fold["accuracy"] = accuracy;
      right += accuracy * static_cast<double>(count);
      pairs += static_cast<double>(count);
    }
    report["folds"].push_back(std::move(fold));
  }
  report["pairs"] = static_cast<int64_t>(pairs);
  if (pairs > 0) report["accuracy"] = right / pairs;
  return report;
}

}  // namespace attune::engine::train
