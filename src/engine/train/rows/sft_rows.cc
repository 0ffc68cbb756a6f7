#include "engine/train/rows/sft_rows.h"

#include <algorithm>
#include <numeric>

#include "engine/train/rows/model_limits.h"

namespace attune::engine::train {
namespace {

OrderedJson raw_messages(const data::Messages* first, const data::Messages& second) {
  OrderedJson list = OrderedJson::array();
  if (first != nullptr) {
    for (const data::Message& message : *first) list.push_back(message.raw);
  }
  for (const data::Message& message : second) list.push_back(message.raw);
  return list;
}

}  // namespace

data::RowStatus fit_sequence(const SftRowOptions& options, const text::Tokenizer& tokenizer,
                             TokenSequence& sequence, bool* truncated) {
  if (options.max_length && static_cast<int64_t>(sequence.ids.size()) > *options.max_length) {
    sequence.ids.resize(static_cast<size_t>(*options.max_length));
    sequence.trained.resize(static_cast<size_t>(*options.max_length));
    *truncated = true;
  }
  TRY(check_context(static_cast<int64_t>(sequence.ids.size()), options.context));
  return check_ids(sequence.ids, tokenizer, options.vocabulary);
}

int64_t TokenSequence::trained_tokens() const {
  if (trained.empty()) return 0;
  return std::accumulate(trained.begin() + 1, trained.end(), int64_t{0});
}

int64_t SftRow::tokens() const {
  int64_t total = 0;
  for (const TokenSequence& sequence : sequences) {
    total += static_cast<int64_t>(sequence.ids.size());
  }
  return total;
}

int64_t SftRow::trained_tokens() const {
  int64_t total = 0;
  for (const TokenSequence& sequence : sequences) total += sequence.trained_tokens();
  return total;
}

// After this the sequence ends in exactly one EOS, whether the text, the post-processor or nobody
// wrote it.
void SftTokenizer::append_eos(TokenSequence& sequence) const {
  const std::optional<int32_t> eos = tokenizer_.eos_id();
  if (!eos) return;
  while (sequence.ids.size() >= 2 && sequence.ids.back() == *eos &&
         sequence.ids[sequence.ids.size() - 2] == *eos) {
    sequence.ids.pop_back();
    sequence.trained.pop_back();
  }
  if (!sequence.ids.empty() && sequence.ids.back() == *eos) {
    sequence.trained.back() = 1;
    return;
  }
  sequence.ids.push_back(*eos);
  sequence.trained.push_back(1);
}

Result<SftTokenizer::Prepared> SftTokenizer::prepare_text(const std::string& text) const {
  Prepared prepared;
  prepared.sequence.ids = tokenizer_.encode(text);
  prepared.sequence.trained.assign(prepared.sequence.ids.size(), 1);
  append_eos(prepared.sequence);
  return prepared;
}

// Splits a whole row's tokens where the completion's bytes begin.
SftTokenizer::Prepared SftTokenizer::cut_at(text::Encoding encoding, size_t boundary,
                                            const std::vector<int32_t>& prompt_ids) const {
  size_t cut = 0;
  while (cut < encoding.ids.size() && encoding.offsets[cut].second <= boundary) ++cut;
  Prepared prepared;
  const bool prefix = prompt_ids.size() == cut &&
                      std::equal(prompt_ids.begin(), prompt_ids.end(), encoding.ids.begin());
  prepared.boundary_mismatch =
      !prefix || (cut < encoding.ids.size() && encoding.offsets[cut].first < boundary);
  prepared.sequence.ids = std::move(encoding.ids);
  prepared.sequence.trained.assign(prepared.sequence.ids.size(), 1);
  if (options_.completion_only.value_or(true)) {
    std::fill_n(prepared.sequence.trained.begin(), cut, uint8_t{0});
  }
  return prepared;
}

Result<SftTokenizer::Prepared> SftTokenizer::prepare_strings(const std::string& prompt,
                                                             const std::string& completion) const {
  std::vector<int32_t> prompt_ids = tokenizer_.encode(prompt);
  // What a post-processor puts behind the prompt alone is not there within the row.
  if (tokenizer_.eos_id() && !prompt_ids.empty() && prompt_ids.back() == *tokenizer_.eos_id() &&
      !prompt.ends_with(tokenizer_.id_to_token(*tokenizer_.eos_id()))) {
    prompt_ids.pop_back();
  }
  Prepared prepared =
      cut_at(tokenizer_.encode_with_offsets(prompt + completion), prompt.size(), prompt_ids);
  append_eos(prepared.sequence);
  return prepared;
}

Result<text::ChatTemplateInput> SftTokenizer::template_input(const data::Example& example) const {
  text::ChatTemplateInput input;
  const auto token = [&](std::optional<int32_t> id) {
    return id ? tokenizer_.id_to_token(*id) : std::string();
  };
  input.bos_token = token(tokenizer_.bos_id());
  input.eos_token = token(tokenizer_.eos_id());
  input.unk_token = token(tokenizer_.unk_id());
  input.pad_token = token(tokenizer_.pad_id());
  input.want_assistant_spans = options_.assistant_only;
  if (example.tools.is_string()) {
    input.tools = TRY(parse_ordered_json(example.tools.get<std::string>()));
  } else if (!example.tools.is_null()) {
    input.tools = example.tools;
  }
  if (example.chat_template_kwargs.is_object()) input.extra = example.chat_template_kwargs;
  return input;
}

data::RowResult<SftTokenizer::Prepared> SftTokenizer::prepare_conversation(
    const data::Example& example, const data::Messages* prompt, const data::Messages& rest) const {
  if (!template_) {
    return data::refuse_row(
        data::kNoTemplate,
        "the row is a conversation and the model has no chat template; set chat_template_path, or "
        "give prompt and completion as strings");
  }
  text::ChatTemplateInput input = TRY(template_input(example));
  input.messages = raw_messages(prompt, rest);
  const auto render =
      [&](const text::ChatTemplateInput& turns) -> data::RowResult<text::RenderedChat> {
    auto rendered = template_->render(turns);
    if (!rendered.ok()) return data::RowError(data::kTemplateRefuses, rendered.error());
    return std::move(rendered).value();
  };
  const text::RenderedChat whole = TRY(render(input));
  const text::EncodeOptions as_rendered{.add_special_tokens = false};
  text::Encoding encoding = tokenizer_.encode_with_offsets(whole.text, as_rendered);

  Prepared prepared;
  const std::vector<std::pair<uint32_t, uint32_t>> offsets = encoding.offsets;
  if (prompt != nullptr) {
    input.messages = raw_messages(prompt, {});
    input.add_generation_prompt = true;
    const std::string head = TRY(render(input)).text;
    const auto [a, b] = std::mismatch(head.begin(), head.end(), whole.text.begin(),
                                      whole.text.end());
    prepared = cut_at(std::move(encoding), static_cast<size_t>(a - head.begin()),
                      tokenizer_.encode(head, as_rendered));
  } else {
    prepared.sequence.ids = std::move(encoding.ids);
    prepared.sequence.trained.assign(prepared.sequence.ids.size(), 1);
  }
  if (options_.assistant_only) {
    for (size_t i = 0; i < offsets.size(); ++i) {
      const auto inside = [&](const std::pair<size_t, size_t>& span) {
        return offsets[i].second > span.first && offsets[i].first < span.second;
      };
      if (std::none_of(whole.assistant_spans.begin(), whole.assistant_spans.end(), inside)) {
        prepared.sequence.trained[i] = 0;
      }
    }
  }
  return prepared;
}

data::RowResult<SftTokenizer::Prepared> SftTokenizer::prepare(const data::Example& example) const {
  Prepared prepared;
  if (example.form == data::Form::kText) {
    prepared = TRY(prepare_text(example.text));
  } else if (example.form == data::Form::kMessages) {
    prepared = TRY(prepare_conversation(example, nullptr, example.messages));
  } else if (example.form == data::Form::kCompletion && example.prompt && example.completion) {
    const bool conversational = data::is_conversational(*example.prompt);
    if (conversational != data::is_conversational(*example.completion)) {
      return data::refuse_row(
          data::kTwoKinds, "prompt and completion must both be strings or both lists of messages");
    }
    if (conversational) {
      const auto& messages = std::get<data::Messages>(*example.prompt);
      prepared = TRY(prepare_conversation(example, &messages,
                                          std::get<data::Messages>(*example.completion)));
    } else {
      prepared = TRY(prepare_strings(std::get<std::string>(*example.prompt),
                                     std::get<std::string>(*example.completion)));
    }
  } else {
    return data::refuse_row(
        data::kOtherForm,
        "a row of the form {} does not say which answer to learn; supervised fine-tuning takes "
        "text, messages, or prompt and completion",
        data::to_string(example.form));
  }
  TRY(fit_sequence(options_, tokenizer_, prepared.sequence, &prepared.truncated));
  return prepared;
}

}  // namespace attune::engine::train
