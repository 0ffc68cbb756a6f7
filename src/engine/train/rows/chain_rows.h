// Chains of hindsight (data/hindsight.h) as token ids with a loss mask: each judged row gives one
// sequence for every form that is asked for. Markers, prompts and users' turns are never trained;
// answers are, with the end-of-sequence token behind each (losses.md §13).
//
// Strings: "User: {prompt} {marker} {answer}<eos> {marker} {answer}<eos>"; prompt and first answer
// are tokenised together, as are each later marker and answer, and cut where the answer's bytes
// begin. Conversations go through the chat template: the marker stands behind the last user
// message, a later one is a user message of its own. Turns before the judged answer carry no
// marker.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "data/hindsight.h"
#include "data/tokenized.h"
#include "engine/train/rows/example_files.h"
#include "engine/train/rows/sft_rows.h"

namespace attune::engine::train {

struct ChainRowOptions {
  data::HindsightTemplates templates;
  std::vector<data::ChainForm> forms;
  std::optional<int64_t> max_answers = {};  // of one chain
  bool draw_phrase = true;
  bool last_only = false;  // loss on a chain's last answer alone
  uint64_t seed = 42;      // of phrases, of ties, of shuffled chains
  Contradictions contradictions = Contradictions::kSkip;
  SftRowOptions rows = {};
};

// Immutable; thread-safe.
class ChainTokenizer {
 public:
  ChainTokenizer(data::ExampleTokenizer examples, ChainRowOptions options)
      : examples_(std::move(examples)), options_(std::move(options)) {}

  struct Prepared {
    TokenSequence sequence;
    bool truncated = false;
  };
  // One chain of a preference or ranking. Errors (kInvalidInput) say what about the row cannot be
  // used. A chain that is cut before its first trained token has trained_tokens() == 0.
  data::RowResult<Prepared> prepare(const data::Example& example, data::ChainForm form,
                                    Random& random) const;

  const ChainRowOptions& options() const { return options_; }

 private:
  data::RowResult<TokenSequence> strings(const data::PromptAndCompletions& row,
                                         const std::vector<data::ChainLink>& chain) const;
  data::RowResult<TokenSequence> conversation(const data::Example& example,
                                              const data::PromptAndCompletions& row,
                                              const std::vector<data::ChainLink>& chain) const;

  data::ExampleTokenizer examples_;
  ChainRowOptions options_;
};

// Reads whole files: a row for every chain. Rows that cannot be used are counted and named in
// `report`, which counts data rows, not chains; only unreadable files are errors.
Result<std::vector<SftRow>> read_chain_rows(const std::vector<std::string>& files,
                                            const ChainTokenizer& tokenizer, DataReport* report);

}  // namespace attune::engine::train
