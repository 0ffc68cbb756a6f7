// From examples to token ids with a loss mask: what supervised fine-tuning trains on (losses.md
// §3.2, §4.2; design §4).
//
//   text                 all tokens; EOS appended once
//   messages             through the chat template; all tokens, or the assistant's
//   prompt+completion    tokenised together and cut where the completion's bytes begin; loss on the
//                        completion unless completion_only is false; EOS appended once to strings,
//                        while conversations end as their template says
//
// A token that holds bytes of both sides belongs to the completion; such rows, and rows whose
// prompt alone has other ids than within the row, are reported (boundary_mismatch). The first token
// of a sequence is never predicted, so it never counts as trained.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "data/example.h"
#include "engine/train/data_report.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace attune::engine::train {

struct TokenSequence {
  std::vector<int32_t> ids;
  std::vector<uint8_t> trained;  // by token: whether predicting it is trained

  // Positions from 1 on whose token is trained.
  int64_t trained_tokens() const;
};

// A row as the trainer sees it: one sequence, or several that were packed and see nothing of each
// other.
struct SftRow {
  std::vector<TokenSequence> sequences;
  std::vector<RowName> names;  // the data rows in it

  int64_t tokens() const;
  int64_t trained_tokens() const;
};

struct SftRowOptions {
  std::string text_field = "text";         // dataset_text_field
  std::optional<int64_t> max_length = 1024;  // keep_start; absent: no limit
  std::optional<bool> completion_only{};   // completion_only_loss; absent: true
  bool assistant_only = false;             // assistant_only_loss
  int64_t vocabulary = 0;                  // ids must be below it; 0: not checked
  int64_t context = 0;                     // longest sequence of the model; 0: not checked
  std::optional<int64_t> max_rows{};       // read at most so many
};

// Cuts a sequence at max_length (keep_start). Refuses one that is longer than the context, and ids
// that the model has no embedding for.
data::RowStatus fit_sequence(const SftRowOptions& options, const text::Tokenizer& tokenizer,
                             TokenSequence& sequence, bool* truncated);

// Tokenises single rows. Immutable; thread-safe.
class SftTokenizer {
 public:
  SftTokenizer(text::Tokenizer tokenizer, std::optional<text::ChatTemplate> chat_template,
               SftRowOptions options)
      : tokenizer_(std::move(tokenizer)),
        template_(std::move(chat_template)),
        options_(std::move(options)) {}

  struct Prepared {
    TokenSequence sequence;
    bool truncated = false;
    bool boundary_mismatch = false;
  };

  // Errors (kInvalidInput) say what about the row cannot be used; the caller names it. A row that
  // is left with nothing to train comes back with trained_tokens() == 0.
  data::RowResult<Prepared> prepare(const data::Example& example) const;

  const SftRowOptions& options() const { return options_; }

 private:
  Result<Prepared> prepare_text(const std::string& text) const;
  Result<Prepared> prepare_strings(const std::string& prompt, const std::string& completion) const;
  data::RowResult<Prepared> prepare_conversation(const data::Example& example,
                                                 const data::Messages* prompt,
                                                 const data::Messages& rest) const;
  Result<text::ChatTemplateInput> template_input(const data::Example& example) const;
  void append_eos(TokenSequence& sequence) const;
  Prepared cut_at(text::Encoding encoding, size_t boundary,
                  const std::vector<int32_t>& prompt_ids) const;

  text::Tokenizer tokenizer_;
  std::optional<text::ChatTemplate> template_;
  SftRowOptions options_;
};

// Reads and tokenises whole files. Rows that cannot be used are counted and named in `report`; only
// unreadable files are errors.
Result<std::vector<SftRow>> read_sft_rows(const std::vector<std::string>& files,
                                          const SftTokenizer& tokenizer, DataReport* report);

}  // namespace attune::engine::train
