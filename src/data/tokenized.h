// Examples as token ids. Prompt and completion are tokenised together, as one text, and cut at the
// true boundary: an id that reaches across it belongs to the completion. A conversation goes
// through the model's chat template.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "data/example.h"
#include "data/row_reasons.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace attune::data {

// A prompt with one of its completions: ids [0, boundary) are the prompt's, [boundary, end) the
// completion's, and [end, size) what a template puts behind the completion's last end-of-turn token
// (often a newline; none for strings).
struct TokenizedCompletion {
  std::vector<int32_t> ids;
  int64_t boundary = 0;
  int64_t end = 0;
};

// A conversation, with which ids the assistant wrote (its end-of-turn tokens among them).
struct TokenizedConversation {
  std::vector<int32_t> ids;
  std::vector<bool> assistant;  // of every id
};

// The prompt and the answers of an example, whatever its form: chosen is 0 and rejected 1; of
// `messages` the last assistant turn is the completion; a pair without a prompt gives its common
// beginning (whole messages, or text up to a space).
struct PromptAndCompletions {
  std::optional<Content> prompt;
  std::vector<Content> completions;
};
// kInvalidInput for forms without a completion (text, prompt).
RowResult<PromptAndCompletions> split_example(const Example& example);

struct CompletionOptions {
  bool append_eos = false;  // end a string completion with the tokenizer's end-of-sequence token
};

// Immutable; may be used from many threads.
class ExampleTokenizer {
 public:
  // `chat_template` is the template's source; empty when the model has none: conversations are then
  // refused with what to do.
  static Result<ExampleTokenizer> make(const text::Tokenizer& tokenizer,
                                       const std::string& chat_template);

  const text::Tokenizer& tokenizer() const { return tokenizer_; }
  bool has_chat_template() const { return template_.has_value(); }

  // Plain text with the special tokens that the tokenizer puts before it, and none behind.
  std::vector<int32_t> text(std::string_view text) const;

  // Messages with the example's tools and chat_template_kwargs.
  RowResult<TokenizedConversation> conversation(const Messages& messages, const Example& row) const;

  // What a model is given to answer: a string as text(), messages with the generation prompt (or,
  // when the last one is the assistant's, as they are).
  RowResult<std::vector<int32_t>> prompt(const Content& prompt, const Example& row) const;

  // `prompt` may be absent. Errors: no template, a template that refuses the conversation or does
  // not continue its own prompt, an empty completion without append_eos.
  RowResult<TokenizedCompletion> completion(const std::optional<Content>& prompt,
                                            const Content& completion, const Example& row,
                                            const CompletionOptions& options = {}) const;

 private:
  ExampleTokenizer(text::Tokenizer tokenizer, std::optional<text::ChatTemplate> chat_template)
      : tokenizer_(std::move(tokenizer)), template_(std::move(chat_template)) {}

  RowResult<text::RenderedChat> render(const Messages& messages, const Example& row,
                                       bool generation_prompt, bool spans) const;
  RowResult<std::string> prompt_text(const Content& prompt, const Example& row) const;
  text::Encoding encode(std::string_view text, bool from_template) const;

  text::Tokenizer tokenizer_;
  std::optional<text::ChatTemplate> template_;
};

}  // namespace attune::data
