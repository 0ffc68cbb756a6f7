#include "data/row_faults.h"

#include <algorithm>

#include "data/content_hash.h"
#include "feedback/comparisons.h"

namespace attune::data {
namespace {

std::optional<RowFault> find_equal_answers(const Example& row) {
  std::vector<std::string> texts;
  for (const Content& one : row.completions) texts.push_back(content_text(one));
  for (size_t i = 0; i < texts.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      const bool differ = row.ranks[i] && row.ranks[j] && *row.ranks[i] != *row.ranks[j];
      if (!differ || texts[i] != texts[j]) continue;
      return RowFault{kEqualSides,
                      fmt::format("completions {} and {} are one text with the ranks {} and {}", j,
                                  i, *row.ranks[j], *row.ranks[i])};
    }
  }
  return std::nullopt;
}

std::optional<RowFault> find_ranking_fault(const Example& row, feedback::TieRule ties) {
  if (const auto fault = feedback::find_ranking_fault(row.ranks)) {
    return RowFault{feedback::to_string(fault->kind), fault->detail};
  }
  if (auto fault = find_equal_answers(row)) return fault;
  const auto pairs = feedback::pairs_of_ranking(row.ranks, {.ties = ties});
  if (pairs.ok() && !pairs->empty()) return std::nullopt;
  return RowFault{kNoDifference, "all ranked completions have the same rank; ties make no pair"};
}

}  // namespace

std::optional<RowFault> find_row_fault(const Example& row, feedback::TieRule ties) {
  if (row.form == Form::kRanking) return find_ranking_fault(row, ties);
  if (!row.chosen || !row.rejected) return std::nullopt;
  if (content_text(*row.chosen) != content_text(*row.rejected)) return std::nullopt;
  if (row.form == Form::kJointPreference &&
      content_text(*row.chosen_prompt) != content_text(*row.rejected_prompt)) {
    return std::nullopt;
  }
  return RowFault{kEqualSides, "chosen and rejected are the same"};
}

RowStatus check_row(const Example& row, feedback::TieRule ties) {
  const auto fault = find_row_fault(row, ties);
  if (!fault) return {};
  return refuse_row(fault->reason, "{}", fault->detail);
}

uint32_t ContradictionFinder::number_of(const std::string& name) {
  const auto [found, added] = numbers_.try_emplace(name, static_cast<uint32_t>(names_.size()));
  if (added) names_.push_back(name);
  return found->second;
}

void ContradictionFinder::add(const Example& row) {
  const int64_t number = rows_++;
  const uint32_t prompt = number_of(row.prompt ? content_hash(*row.prompt) : "");
  auto state = [&](const std::string& chosen, const std::string& rejected) {
    statements_.push_back(
        {number, prompt, number_of(row.annotator), number_of(chosen), number_of(rejected)});
  };
  if (row.form == Form::kPreference && !row.chosen_probability) {
    state(content_hash(*row.chosen), content_hash(*row.rejected));
  } else if (row.form == Form::kJointPreference && !row.chosen_probability) {
    state(content_hash(*row.chosen_prompt) + content_hash(*row.chosen),
          content_hash(*row.rejected_prompt) + content_hash(*row.rejected));
  } else if (row.form == Form::kUnpaired) {
    const std::string answer = content_hash(*row.completion);
    row.label ? state(answer, "") : state("", answer);
  } else if (row.form == Form::kRanking) {
    std::vector<std::string> hashes;
    for (const Content& one : row.completions) hashes.push_back(content_hash(one));
    const auto pairs = feedback::pairs_of_ranking(row.ranks, {});
    if (!pairs.ok()) return;  // find_row_fault says why
    for (const feedback::RankedPair& pair : *pairs) {
      state(hashes[static_cast<size_t>(pair.chosen)], hashes[static_cast<size_t>(pair.rejected)]);
    }
  }
}

std::vector<int64_t> ContradictionFinder::find() const {
  std::vector<feedback::PreferenceRow> rows;
  for (const Statement& one : statements_) {
    rows.push_back(
        {names_[one.prompt], names_[one.chosen], names_[one.rejected], names_[one.annotator]});
  }
  const std::vector<int64_t> opposite = feedback::contradicting_rows(rows);
  std::vector<int64_t> result(static_cast<size_t>(rows_), -1);
  for (size_t i = 0; i < opposite.size(); ++i) {
    if (opposite[i] < 0) continue;
    int64_t& found = result[static_cast<size_t>(statements_[i].row)];
    const int64_t row = statements_[static_cast<size_t>(opposite[i])].row;
    if (found < 0 || row < found) found = row;
  }
  return result;
}

}  // namespace attune::data
