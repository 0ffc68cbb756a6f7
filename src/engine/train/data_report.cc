#include "engine/train/data_report.h"

namespace attune::engine::train {
namespace {

// Row numbers by file; long lists are cut, and the count says how many there are.
OrderedJson row_list(const std::vector<RowName>& rows) {
  constexpr size_t kRowsShown = 1000;
  OrderedJson files = OrderedJson::object();
  for (size_t i = 0; i < rows.size() && i < kRowsShown; ++i) {
    files[rows[i].file].push_back(rows[i].number);
  }
  return files;
}

OrderedJson counted(const std::map<std::string, int64_t>& counts) {
  OrderedJson result = OrderedJson::object();
  for (const auto& [name, count] : counts) result[name.empty() ? "(not stated)" : name] = count;
  return result;
}

}  // namespace

void DataReport::count_kept(int64_t tokens, int64_t trained) {
  ++kept_;
  tokens_ += tokens;
  trained_ += trained;
}

void DataReport::drop(const RowName& row, const std::string& reason, const std::string& detail) {
  ++dropped_;
  Dropped& dropped = reasons_[reason];
  if (dropped.rows.empty()) dropped.first_detail = detail;
  dropped.rows.push_back(row);
}

void DataReport::drop(const RowName& row, const data::RowError& why) {
  drop(row, why.reason(), why.message());
}

std::string DataReport::why_dropped(bool ties_counted) const {
  const Dropped* commonest = nullptr;
  std::string reason;
  for (const auto& [name, dropped] : reasons_) {
    if (name == data::kNoDifference && !ties_counted) continue;
    if (commonest == nullptr || dropped.rows.size() > commonest->rows.size()) {
      commonest = &dropped;
      reason = name;
    }
  }
  if (commonest == nullptr) return "the files have no rows";
  return fmt::format("{} of them: {}; the first is {} row {}: {}", commonest->rows.size(), reason,
                     commonest->rows[0].file, commonest->rows[0].number, commonest->first_detail);
}

// Who finds all answers equally good has made no mistake: there is nothing to correct.
Status DataReport::check(const std::string& split, bool allow_skipped_rows) const {
  if (kept_ == 0) {
    return invalid_input("{}: none of {} rows can be used; {}", split, read_, why_dropped(true));
  }
  const auto tied = reasons_.find(data::kNoDifference);
  const auto ties =
      tied == reasons_.end() ? int64_t{0} : static_cast<int64_t>(tied->second.rows.size());
  if ((dropped_ - ties) * 20 > read_ - ties && !allow_skipped_rows) {
    return invalid_input(
        "{}: {} of {} rows{} cannot be used, more than 5 %; {}. Correct the rows, or set "
        "allow_skipped_rows: true to train without them",
        split, dropped_ - ties, read_ - ties,
        ties > 0 ? fmt::format(" (beside {} with ties alone)", ties) : "",
        why_dropped(false));
  }
  return {};
}

OrderedJson DataReport::to_json() const {
  OrderedJson report;
  report["rows"] = {{"read", read_},
                    {"kept", kept_},
                    {"dropped", dropped_},
                    {"truncated", truncated_.size()},
                    {"boundary_mismatch", boundary_.size()},
                    {"packed_without_loss", rows_without_loss_},
                    {"disagreeing", disagreeing_.size()}};
  report["tokens"] = {{"kept", tokens_}, {"trained", trained_}};
  report["dropped"] = OrderedJson::array();
  for (const auto& [reason, dropped] : reasons_) {
    report["dropped"].push_back({{"reason", reason},
                                 {"count", dropped.rows.size()},
                                 {"first", dropped.first_detail},
                                 {"rows", row_list(dropped.rows)}});
  }
  report["truncated"] = row_list(truncated_);
  report["boundary_mismatch"] = row_list(boundary_);
  report["disagreeing"] = row_list(disagreeing_);
  report["licences"] = counted(licences_);
  report["licence_warnings"] = counted(warnings_);
  report["guideline_versions"] = counted(guidelines_);
  report["annotators"] = counted(annotators_);
  report["snapshots"] = counted(snapshots_);
  return report;
}

}  // namespace attune::engine::train
