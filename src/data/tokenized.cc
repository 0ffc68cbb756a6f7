#include "data/tokenized.h"

#include <algorithm>

namespace attune::data {
namespace {

std::string name_of(const text::Tokenizer& tokenizer, std::optional<int32_t> id) {
  return id ? tokenizer.id_to_token(*id) : std::string();
}

bool same(const Message& a, const Message& b) {
  return a.raw == b.raw;
}

// The common beginning of two answers: whole messages, or text up to a space.
std::optional<Content> take_common_prefix(Content* chosen, Content* rejected) {
  if (is_conversational(*chosen) != is_conversational(*rejected)) return std::nullopt;
  if (is_conversational(*chosen)) {
    auto& a = std::get<Messages>(*chosen);
    auto& b = std::get<Messages>(*rejected);
    const auto [at_a, at_b] = std::mismatch(a.begin(), a.end(), b.begin(), b.end(), same);
    Messages common(a.begin(), at_a);
    a.erase(a.begin(), at_a);
    b.erase(b.begin(), at_b);
    return common.empty() ? std::nullopt : std::optional<Content>(std::move(common));
  }
  auto& a = std::get<std::string>(*chosen);
  auto& b = std::get<std::string>(*rejected);
  auto length = static_cast<size_t>(
      std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
  // A character or word is not torn apart: the space before it begins the answers.
  while (length > 0 && length < std::max(a.size(), b.size()) && a[length] != ' ') --length;
  std::string common = a.substr(0, length);
  a.erase(0, length);
  b.erase(0, length);
  return common.empty() ? std::nullopt : std::optional<Content>(std::move(common));
}

RowResult<PromptAndCompletions> split_messages(const Messages& messages) {
  if (messages.empty() || messages.back().role != "assistant") {
    return refuse_row(kNoAnswer, "messages end with no assistant turn: nothing there is an answer");
  }
  PromptAndCompletions split;
  if (messages.size() > 1) split.prompt = Messages(messages.begin(), messages.end() - 1);
  split.completions.push_back(Messages{messages.back()});
  return split;
}

// The first id that holds bytes from `byte` on or behind them; ids without bytes that the
// post-processor put in front belong to what comes first.
int64_t first_id_beyond(const text::Encoding& encoding, size_t byte) {
  int64_t index = 0;
  for (const auto& [begin, end] : encoding.offsets) {
    if (begin != end && end > byte) return index;
    ++index;
  }
  return index;
}

// The first id that begins at `byte` or later.
int64_t first_id_from(const text::Encoding& encoding, size_t byte) {
  int64_t index = 0;
  for (const auto& [begin, end] : encoding.offsets) {
    if (begin != end && begin >= byte) return index;
    ++index;
  }
  return index;
}

}  // namespace

RowResult<PromptAndCompletions> split_example(const Example& example) {
  PromptAndCompletions split;
  split.prompt = example.prompt;
  switch (example.form) {
    case Form::kText:
    case Form::kPrompt:
      return refuse_row(kOtherForm, "a {} row has no completion", to_string(example.form));
    case Form::kMessages:
      return split_messages(example.messages);
    case Form::kCompletion:
    case Form::kUnpaired:
      if (!example.completion) return refuse_row(kNoAnswer, "the row has no completion");
      split.completions = {*example.completion};
      return split;
    case Form::kPreference:
      if (!example.chosen || !example.rejected) {
        return refuse_row(kNoAnswer, "a preference needs both chosen and rejected");
      }
      split.completions = {*example.chosen, *example.rejected};
      if (!split.prompt) {
        split.prompt = take_common_prefix(&split.completions[0], &split.completions[1]);
      }
      return split;
    case Form::kJointPreference:
      return refuse_row(kOtherForm, "a {} row has two prompts", to_string(example.form));
    case Form::kRanking:
      split.completions = example.completions;
      return split;
  }
  return refuse_row(kOtherForm, "the row has no known form");
}

Result<ExampleTokenizer> ExampleTokenizer::make(const text::Tokenizer& tokenizer,
                                                const std::string& chat_template) {
  std::optional<text::ChatTemplate> parsed;
  if (!chat_template.empty()) parsed = TRY(text::ChatTemplate::parse(chat_template));
  return ExampleTokenizer(tokenizer, std::move(parsed));
}

text::Encoding ExampleTokenizer::encode(std::string_view text, bool from_template) const {
  // A template writes the special tokens itself.
  text::Encoding encoding =
      tokenizer_.encode_with_offsets(text, {.add_special_tokens = !from_template});
  // What the post-processor put behind the text (EOS) is an option of the caller's.
  size_t size = encoding.ids.size();
  while (size > 0 && encoding.offsets[size - 1].first == encoding.offsets[size - 1].second) --size;
  if (size > 0) {
    encoding.ids.resize(size);
    encoding.offsets.resize(size);
  }
  return encoding;
}

RowResult<text::RenderedChat> ExampleTokenizer::render(const Messages& messages, const Example& row,
                                                       bool generation_prompt, bool spans) const {
  if (!template_) {
    return refuse_row(kNoTemplate,
                      "the row is a conversation, but the model has no chat template; give one "
                      "(--chat_template_path), or rows whose prompt and completion are strings");
  }
  text::ChatTemplateInput input;
  for (const Message& message : messages) input.messages.push_back(message.raw);
  input.tools = row.tools;
  if (row.chat_template_kwargs.is_object()) input.extra = row.chat_template_kwargs;
  input.add_generation_prompt = generation_prompt;
  input.want_assistant_spans = spans;
  input.bos_token = name_of(tokenizer_, tokenizer_.bos_id());
  input.eos_token = name_of(tokenizer_, tokenizer_.eos_id());
  input.unk_token = name_of(tokenizer_, tokenizer_.unk_id());
  input.pad_token = name_of(tokenizer_, tokenizer_.pad_id());
  auto rendered = template_->render(input);
  if (!rendered.ok()) return RowError(kTemplateRefuses, rendered.error());
  return std::move(rendered).value();
}

std::vector<int32_t> ExampleTokenizer::text(std::string_view text) const {
  return encode(text, /*from_template=*/false).ids;
}

RowResult<TokenizedConversation> ExampleTokenizer::conversation(const Messages& messages,
                                                                const Example& row) const {
  const text::RenderedChat chat = TRY(render(messages, row, false, true));
  const text::Encoding encoding = encode(chat.text, /*from_template=*/true);
  TokenizedConversation result;
  result.ids = encoding.ids;
  result.assistant.assign(encoding.ids.size(), false);
  for (const auto& [begin, end] : chat.assistant_spans) {
    const int64_t last = first_id_from(encoding, end);
    for (int64_t i = first_id_beyond(encoding, begin); i < last; ++i) {
      result.assistant[static_cast<size_t>(i)] = true;
    }
  }
  return result;
}

RowResult<std::string> ExampleTokenizer::prompt_text(const Content& prompt,
                                                     const Example& row) const {
  if (!is_conversational(prompt)) return std::get<std::string>(prompt);
  const auto& messages = std::get<Messages>(prompt);
  const bool answered = !messages.empty() && messages.back().role == "assistant";
  return TRY(render(messages, row, !answered, false)).text;
}

RowResult<std::vector<int32_t>> ExampleTokenizer::prompt(const Content& prompt,
                                                         const Example& row) const {
  const std::string text = TRY(prompt_text(prompt, row));
  return encode(text, is_conversational(prompt)).ids;
}

RowResult<TokenizedCompletion> ExampleTokenizer::completion(
    const std::optional<Content>& prompt, const Content& completion, const Example& row,
    const CompletionOptions& options) const {
  const bool chat = is_conversational(completion);
  const bool from_template = chat || (prompt && is_conversational(*prompt));
  if (chat && prompt && !is_conversational(*prompt)) {
    return refuse_row(kTwoKinds,
                      "the prompt is a string and the completion a conversation; make both one "
                      "kind");
  }
  std::string start = prompt ? TRY(prompt_text(*prompt, row)) : std::string();
  std::string whole = start;
  size_t end_byte = 0;
  if (chat) {
    Messages all = prompt ? std::get<Messages>(*prompt) : Messages();
    const auto& added = std::get<Messages>(completion);
    all.insert(all.end(), added.begin(), added.end());
    const text::RenderedChat rendered = TRY(render(all, row, false, true));
    if (!rendered.text.starts_with(start)) {
      return refuse_row(kTemplateRefuses,
                        "the chat template does not continue its own prompt: the text of prompt "
                        "and completion does not begin with the prompt's");
    }
    whole = rendered.text;
    end_byte = rendered.assistant_spans.empty() ? whole.size()
                                                : rendered.assistant_spans.back().second;
  } else {
    whole += std::get<std::string>(completion);
    end_byte = whole.size();
  }
  text::Encoding encoding = encode(whole, from_template);
  TokenizedCompletion result;
  result.boundary = first_id_beyond(encoding, start.size());
  result.end = std::max(first_id_from(encoding, end_byte), result.boundary);
  result.ids = std::move(encoding.ids);
  if (options.append_eos && !chat) {
    if (!tokenizer_.eos_id()) {
      return refuse_row(kNoEndToken, "append_eos: the tokenizer has no end-of-sequence token");
    }
    result.ids.push_back(*tokenizer_.eos_id());
    ++result.end;
  }
  if (result.end == result.boundary) {
    return refuse_row(kEmptyCompletion, "the completion has no tokens");
  }
  return result;
}

}  // namespace attune::data
