// Rows of every method that learns from judged answers: a prompt with one completion (KTO), two (a
// preference) or K (a ranking), tokenised as the tree that a pass computes (models/token_tree.h),
// with what people said of them.
//
// Prompt and completions are tokenised together and cut at the true boundary; strings end in
// exactly one EOS, conversations as their template says (losses.md §3.2).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "data/example.h"
#include "data/tokenized.h"
#include "engine/models/token_tree.h"
#include "engine/train/data_report.h"
#include "engine/train/rows/example_files.h"
#include "feedback/rankings_to_pairs.h"

namespace attune::engine::train {

struct TreeRow {
  models::TokenTree tree;
  data::Form form = data::Form::kPreference;
  std::vector<std::optional<int>> ranks;     // [K], 1 = best; a preference has 1 and 2
  std::vector<double> scores;                // [K] or empty
  std::optional<double> chosen_probability;  // of a preference: soft label in [0, 1]
  std::optional<double> margin;              // of a preference
  bool label = false;                        // of an unpaired row
  std::string annotator;
  RowName name;

  int64_t tokens() const { return tree.tokens(); }
};

// What becomes of a row whose prompt and completion are longer than max_length.
enum class Overflow {
  kCut,   // completions are cut at the end (keep_start); TRL's DPO, KTO, ORPO
  kDrop,  // the row is left out; TRL's RewardTrainer
};

struct TreeRowOptions {
  std::string text_field = "text";
  std::vector<data::Form> forms = {};        // what the method takes; others are dropped by name
  std::optional<int64_t> max_length = 1024;  // of prompt + one completion; absent: no limit
  Overflow overflow = Overflow::kCut;
  int64_t vocabulary = 0;                    // ids must be below it; 0: not checked
  int64_t context = 0;                       // longest sequence of the model; 0: not checked
  std::optional<int64_t> max_rows = {};      // read at most so many
  feedback::TieRule ties = feedback::TieRule::kSkip;  // whether a ranking of ties says anything
  Contradictions contradictions = Contradictions::kSkip;
  // A conversation ends with its last end-of-turn token, without what a template puts behind it:
  // for scores, which are read at the end.
  bool to_end_of_turn = false;
  // A method's own demand on a row; an error says what about it cannot be used. Optional.
  std::function<data::RowStatus(const TreeRow&)> accept = {};
};

// Tokenises single rows. Immutable; thread-safe.
class TreeTokenizer {
 public:
  TreeTokenizer(data::ExampleTokenizer tokenizer, TreeRowOptions options)
      : tokenizer_(std::move(tokenizer)), options_(std::move(options)) {}

  struct Prepared {
    TreeRow row;
    bool truncated = false;
  };
  // Errors (kInvalidInput) say what about the row cannot be used; the caller names it.
  data::RowResult<Prepared> prepare(const data::Example& example) const;

  const TreeRowOptions& options() const { return options_; }

 private:
  data::RowResult<std::vector<data::TokenizedCompletion>> tokenize(
      const data::Example& example) const;
  data::RowStatus fit(data::TokenizedCompletion& completion, bool* truncated) const;

  data::ExampleTokenizer tokenizer_;
  TreeRowOptions options_;
};

// Reads and tokenises whole files. Rows that cannot be used are counted and named in `report`; only
// unreadable files are errors.
Result<std::vector<TreeRow>> read_tree_rows(const std::vector<std::string>& files,
                                            const TreeTokenizer& tokenizer, DataReport* report);

}  // namespace attune::engine::train
