// Rows of on-policy methods: a prompt for the policy to answer. Any row that has one will do
// (`prompt`, prompt+completion, a preference, a ranking, messages up to the last answer): its
// answers are left aside, but stay with the row for rewards that compare.
//
// A conversation becomes ids by the chat template, with the generation prompt; a string as it is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "data/example.h"
#include "data/tokenized.h"
#include "engine/train/data_report.h"
#include "engine/train/rows/row_splits.h"
#include "engine/train/run_text.h"

namespace attune::engine::train {

struct PromptRow {
  std::vector<int32_t> ids;  // what the policy reads; at least one
  data::Content prompt;      // the same before tokenising, for a reward with another tokenizer
  data::Example example;     // the whole row: tools, other columns, answers that people gave
  RowName name;

  int64_t tokens() const { return static_cast<int64_t>(ids.size()); }
};

struct PromptRowOptions {
  std::string text_field = "text";
  std::optional<int64_t> max_prompt_length = {};  // longer prompts are left out
  std::optional<int64_t> max_length = {};         // likewise, with the room for an answer
  int64_t room = 0;        // tokens that an answer needs within the model's context
  int64_t vocabulary = 0;  // ids must be below it; 0: not checked
  int64_t context = 0;     // longest sequence of the model; 0: not checked
  std::optional<int64_t> max_rows = {};  // read at most so many
};

// The row of one example. Errors (kInvalidInput) say what about it cannot be used; the caller names
// it.
data::RowResult<PromptRow> make_prompt_row(const data::Example& example,
                                           const data::ExampleTokenizer& tokenizer,
                                           const PromptRowOptions& options);

// Reads and tokenises whole files. Rows that cannot be used are counted and named in `report`; only
// unreadable files are errors.
Result<std::vector<PromptRow>> read_prompt_rows(const std::vector<std::string>& files,
                                                const data::ExampleTokenizer& tokenizer,
                                                const PromptRowOptions& options,
                                                DataReport* report);

using PromptData = RowSplits<PromptRow>;

// Both splits of a job (row_splits.h), with max_prompt_length, max_length and dataset_text_field of
// its configuration; `limits` has the rest. When it fails, `data` holds the reports as far as they
// came.
Status load_prompt_data(const protocol::Job& job, const RunText& text,
                        const PromptRowOptions& limits, const TrainingOptions& options,
                        PromptData* data);

// A hash of the rows' ids, for Method::fingerprint().
std::string fingerprint_of(const std::vector<PromptRow>& train,
                           const std::vector<PromptRow>& evaluation);

}  // namespace attune::engine::train
