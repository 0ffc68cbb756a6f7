#include "engine/train/tree_rows.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "engine/train/example_files.h"
#include "engine/train/model_limits.h"

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
Status check_predictable(const models::TokenTree& tree) {
  for (size_t i = 0; i < tree.branches.size(); ++i) {
    const models::TokenBranch& branch = tree.branches[i];
    const bool starts_row = tree.prompt.empty() && branch.first == 0;
    if (branch.completion_tokens() > (starts_row ? 1 : 0)) continue;
    return invalid_input(
        "completion {} has no token that can be predicted; give the row a prompt, or raise "
        "max_length",
        i + 1);
  }
  return {};
}

// The class of a refusal, under which rows are counted: what stands before a colon
// ("ranks with holes: ..."), or all of a message that holds for any row.
std::string reason_of(const std::string& message) {
  constexpr size_t kLongest = 60;
  const std::string kind = message.substr(0, message.find(": "));
  const bool particular = kind.size() > kLongest || kind.find_first_of("0123456789") != kind.npos;
  return particular ? "cannot be used" : kind;
}

bool equal_sides(const models::TokenTree& tree) {
  return tree.branches[0].ids == tree.branches[1].ids;
}

}  // namespace

Result<std::vector<data::TokenizedCompletion>> TreeTokenizer::tokenize(
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
  if (completions.empty()) return invalid_input("the row has no completions");
  return completions;
}

// Cuts or refuses a sequence that is too long, and checks its ids.
Status TreeTokenizer::fit(data::TokenizedCompletion& completion, bool* truncated) const {
  const auto length = static_cast<int64_t>(completion.ids.size());
  if (options_.max_length && length > *options_.max_length) {
    if (options_.overflow == Overflow::kDrop) {
      return invalid_input("its {} tokens are more than max_length ({})", length,
                           *options_.max_length);
    }
    if (completion.boundary >= *options_.max_length) {
      return invalid_input("the prompt alone ({} tokens) fills max_length ({})",
                           completion.boundary, *options_.max_length);
    }
    completion.ids.resize(static_cast<size_t>(*options_.max_length));
    completion.end = std::min(completion.end, *options_.max_length);
    *truncated = true;
  }
  TRY(check_context(static_cast<int64_t>(completion.ids.size()), options_.context));
  return check_ids(completion.ids, tokenizer_.tokenizer(), options_.vocabulary);
}

Result<TreeTokenizer::Prepared> TreeTokenizer::prepare(const data::Example& example) const {
  if (std::find(options_.forms.begin(), options_.forms.end(), example.form) ==
      options_.forms.end()) {
    return invalid_input("a row of the form {} cannot be used here; this method takes {}",
                         data::to_string(example.form), names_of(options_.forms));
  }
  std::vector<data::TokenizedCompletion> completions = TRY(tokenize(example));
  Prepared prepared;
  for (data::TokenizedCompletion& completion : completions) {
    TRY(fit(completion, &prepared.truncated));
  }
  prepared.row.tree = models::make_token_tree(completions, /*whole=*/!options_.to_end_of_turn);
  copy_judgement(example, &prepared.row);
  TRY(check_predictable(prepared.row.tree));
  if (prepared.row.form == data::Form::kPreference && equal_sides(prepared.row.tree)) {
    return invalid_input("chosen and rejected are the same{}",
                         prepared.truncated ? " after cutting at max_length" : "");
  }
  if (options_.accept) TRY(options_.accept(prepared.row));
  return prepared;
}

Result<std::vector<TreeRow>> read_tree_rows(const std::vector<std::string>& files,
                                            const TreeTokenizer& tokenizer, DataReport* report) {
  std::vector<TreeRow> rows;
  const auto take = [&](const RowName& name, const data::Example& example) {
    auto prepared = tokenizer.prepare(example);
    if (!prepared.ok()) {
      const std::string& message = prepared.error().message();
      return report->drop(name, reason_of(message), message);
    }
    if (prepared->truncated) report->note_truncated(name);
    TreeRow& row = prepared->row;
    row.name = name;
    report->count_kept(row.tree.unshared_tokens(), row.tree.completion_tokens());
    count_source(example, report);
    rows.push_back(std::move(row));
  };
  const ExampleFileOptions options{tokenizer.options().text_field, tokenizer.options().max_rows};
  TRY(for_each_example(files, options, report, take));
  return rows;
}

}  // namespace attune::engine::train
