#include "engine/train/rows/tree_rows.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "data/row_faults.h"
#include "engine/train/rows/model_limits.h"

namespace attune::engine::train {
namespace {

std::string names_of(const std::vector<data::Form>& forms) {
  std::vector<std::string> names;
  for (data::Form form : forms) names.emplace_back(data::to_string(form));
  return fmt::format("{}", fmt::join(names, ", or "));
}

// The judgement that came with the answers.
void copy_judgement(const data::Example& example, TreeRow* row) {
  row->form = example.form;
  row->chosen_probability = example.chosen_probability;
  row->margin = example.margin;
  row->label = example.label;
  row->annotator = example.annotator;
  const bool joint = example.form == data::Form::kJointPreference;
  if (joint) row->form = data::Form::kPreference;  // a pair, whatever its sides have in common
  if (joint || example.form == data::Form::kPreference) row->ranks = {1, 2};
  if (example.form == data::Form::kRanking) {
    row->ranks = example.ranks;
    row->scores = example.scores;
  }
}

// A completion of one token with nothing before it: no token of it is ever predicted.
data::RowStatus check_predictable(const models::TokenTree& tree) {
  for (size_t i = 0; i < tree.branches.size(); ++i) {
    const models::TokenBranch& branch = tree.branches[i];
    const bool starts_row = tree.prompt.empty() && branch.first == 0;
    if (branch.completion_tokens() > (starts_row ? 1 : 0)) continue;
    return data::refuse_row(
        data::kNoTrainedToken,
        "completion {} has no token that can be predicted; give the row a prompt, or raise "
        "max_length",
        i + 1);
  }
  return {};
}

// Answers that differ as texts may be the same once they are cut, or as tokens. A loss between them
// would be a constant.
data::RowStatus check_distinct(const TreeRow& row, bool truncated) {
  const auto& branches = row.tree.branches;
  for (size_t i = 0; i < row.ranks.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      const bool ordered = row.ranks[i] && row.ranks[j] && *row.ranks[i] != *row.ranks[j];
      if (!ordered || branches[i].ids != branches[j].ids) continue;
      return data::refuse_row(
          data::kEqualOnceCut, "completions {} and {} have different ranks but the same tokens{}",
          j + 1, i + 1, truncated ? " after cutting at max_length" : "");
    }
  }
  return {};
}

}  // namespace

data::RowResult<std::vector<data::TokenizedCompletion>> TreeTokenizer::tokenize(
    const data::Example& example) const {
  if (example.form == data::Form::kJointPreference) {
    std::vector<data::TokenizedCompletion> both;
    for (const auto& [prompt, answer] :
         {std::pair(&example.chosen_prompt, &example.chosen),
          std::pair(&example.rejected_prompt, &example.rejected)}) {
      data::Example side;
      side.form = data::Form::kCompletion;
      side.prompt = *prompt;
      side.completion = *answer;
      side.tools = example.tools;
      side.chat_template_kwargs = example.chat_template_kwargs;
      both.push_back(TRY(tokenize(side)).front());
    }
    return both;
  }
  const data::PromptAndCompletions split = TRY(data::split_example(example));
  const std::optional<int32_t> eos = tokenizer_.tokenizer().eos_id();
  std::vector<data::TokenizedCompletion> completions;
  for (size_t i = 0; i < split.completions.size(); ++i) {
    auto one = tokenizer_.completion(split.prompt, split.completions[i], example);
    if (!one.ok()) return one.error().with_context(fmt::format("completion {}", i + 1));
    const bool string = !data::is_conversational(split.completions[i]);
    if (string && eos && one->ids.back() != *eos) {
      one->ids.push_back(*eos);
      ++one->end;
    }
    completions.push_back(std::move(*one));
  }
  if (completions.empty()) return data::refuse_row(data::kNoAnswer, "the row has no completions");
  return completions;
}

// Cuts or refuses a sequence that is too long, and checks its ids.
data::RowStatus TreeTokenizer::fit(data::TokenizedCompletion& completion, bool* truncated) const {
  const auto length = static_cast<int64_t>(completion.ids.size());
  if (options_.max_length && length > *options_.max_length) {
    if (options_.overflow == Overflow::kDrop) {
      return data::refuse_row(data::kLongRow, "its {} tokens are more than max_length ({})", length,
                              *options_.max_length);
    }
    if (completion.boundary >= *options_.max_length) {
      return data::refuse_row(data::kPromptFillsLength,
                              "the prompt alone ({} tokens) fills max_length ({})",
                              completion.boundary, *options_.max_length);
    }
    completion.ids.resize(static_cast<size_t>(*options_.max_length));
    completion.end = std::min(completion.end, *options_.max_length);
    *truncated = true;
  }
  TRY(check_context(static_cast<int64_t>(completion.ids.size()), options_.context));
  return check_ids(completion.ids, tokenizer_.tokenizer(), options_.vocabulary);
}

data::RowResult<TreeTokenizer::Prepared> TreeTokenizer::prepare(
    const data::Example& example) const {
  if (std::find(options_.forms.begin(), options_.forms.end(), example.form) ==
      options_.forms.end()) {
    return data::refuse_row(data::kOtherForm,
                            "a row of the form {} cannot be used here; this method takes {}",
                            data::to_string(example.form), names_of(options_.forms));
  }
  TRY(data::check_row(example, options_.ties));
  std::vector<data::TokenizedCompletion> completions = TRY(tokenize(example));
  Prepared prepared;
  for (data::TokenizedCompletion& completion : completions) {
    TRY(fit(completion, &prepared.truncated));
  }
  prepared.row.tree = models::make_token_tree(completions, /*whole=*/!options_.to_end_of_turn);
  copy_judgement(example, &prepared.row);
  TRY(check_predictable(prepared.row.tree));
  TRY(check_distinct(prepared.row, prepared.truncated));
  if (options_.accept) TRY(options_.accept(prepared.row));
  return prepared;
}

Result<std::vector<TreeRow>> read_tree_rows(const std::vector<std::string>& files,
                                            const TreeTokenizer& tokenizer, DataReport* report) {
  AcceptedRows<TreeRow> accepted(tokenizer.options().contradictions);
  const auto take = [&](const RowName& name, const data::Example& example) {
    auto prepared = tokenizer.prepare(example);
    if (!prepared.ok()) return report->drop(name, prepared.error());
    TreeRow& row = prepared->row;
    row.name = name;
    const int64_t tokens = row.tree.unshared_tokens();
    const int64_t trained = row.tree.completion_tokens();
    std::vector<TreeRow> rows;
    rows.push_back(std::move(row));
    accepted.add(name, example, std::move(rows), tokens, trained, prepared->truncated);
  };
  const ExampleFileOptions options{tokenizer.options().text_field, tokenizer.options().max_rows};
  TRY(for_each_example(files, options, report, take));
  return accepted.finish(report);
}

}  // namespace attune::engine::train
