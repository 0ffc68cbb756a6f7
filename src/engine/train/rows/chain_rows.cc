#include "engine/train/rows/chain_rows.h"

#include "data/row_faults.h"

namespace attune::engine::train {
namespace {

// The ranks of a row's answers; a pair's first answer is the chosen one.
data::RowResult<std::vector<std::optional<int>>> ranks_of(const data::Example& example) {
  if (example.form == data::Form::kPreference) return std::vector<std::optional<int>>{1, 2};
  if (example.form == data::Form::kRanking) return example.ranks;
  return data::refuse_row(
      data::kOtherForm,
      "a row of the form {} does not say which answer is better; chains of hindsight take "
      "prompt+chosen+rejected, or prompt+completions+ranks",
      data::to_string(example.form));
}

void append(TokenSequence& sequence, int32_t id, bool trained) {
  sequence.ids.push_back(id);
  sequence.trained.push_back(trained ? 1 : 0);
}

// The first id that holds bytes from `byte` on.
size_t first_beyond(const text::Encoding& encoding, size_t byte) {
  size_t index = 0;
  for (const auto& [begin, end] : encoding.offsets) {
    if (begin != end && end > byte) break;
    ++index;
  }
  return index;
}

}  // namespace

data::RowResult<TokenSequence> ChainTokenizer::strings(
    const data::PromptAndCompletions& row, const std::vector<data::ChainLink>& chain) const {
  const text::Tokenizer& tokenizer = examples_.tokenizer();
  if (!tokenizer.eos_id()) {
    return data::refuse_row(
        data::kNoEndToken,
        "the tokenizer has no end-of-sequence token to end an answer with; set eos_token");
  }
  const int32_t eos = *tokenizer.eos_id();
  std::vector<std::string> answers;
  for (const data::Content& content : row.completions) {
    if (data::is_conversational(content)) {
      return data::refuse_row(
          data::kTwoKinds,
          "the prompt is a string and an answer a conversation; make both one kind");
    }
    answers.push_back(std::get<std::string>(content));
  }
  const std::string prompt = row.prompt ? std::get<std::string>(*row.prompt) : "";
  const auto fields = data::chain_fields(options_.templates, prompt, answers, chain);
  TokenSequence sequence;
  for (size_t i = 0; i < fields.size(); ++i) {
    const data::ChainField& field = fields[i];
    // Only what begins the sequence gets what the post-processor puts in front.
    text::Encoding encoding = tokenizer.encode_with_offsets(
        field.context + field.answer, {.add_special_tokens = i == 0});
    size_t size = encoding.ids.size();
    while (size > 0 && encoding.offsets[size - 1].first == encoding.offsets[size - 1].second) {
      --size;  // what it puts behind
    }
    const size_t begin = first_beyond(encoding, field.context.size());
    if (begin >= size) {
      return data::refuse_row(data::kEmptyCompletion, "completion {} is empty",
                              chain[i].completion + 1);
    }
    const bool learned = !options_.last_only || i + 1 == fields.size();
    for (size_t t = 0; t < size; ++t) append(sequence, encoding.ids[t], learned && t >= begin);
    if (sequence.ids.back() != eos) append(sequence, eos, learned);
  }
  return sequence;
}

data::RowResult<TokenSequence> ChainTokenizer::conversation(
    const data::Example& example, const data::PromptAndCompletions& row,
    const std::vector<data::ChainLink>& chain) const {
  data::Messages all;
  if (row.prompt) all = std::get<data::Messages>(*row.prompt);
  data::Messages start;  // what stands before the first trained answer
  for (size_t i = 0; i < chain.size(); ++i) {
    const data::Content& content = row.completions[chain[i].completion];
    if (!data::is_conversational(content)) {
      return data::refuse_row(
          data::kTwoKinds,
          "the prompt is a conversation and an answer a string; make both one kind");
    }
    const auto& answer = std::get<data::Messages>(content);
    if (answer.empty() || answer.back().role != "assistant") {
      return data::refuse_row(data::kNoAnswer, "completion {} does not end with an assistant turn",
                              chain[i].completion + 1);
    }
    all = data::with_marker(std::move(all), chain[i].marker);
    if (i == 0 || options_.last_only) start = all;
    all.insert(all.end(), answer.begin(), answer.end());
  }
  const data::Messages rest(all.begin() + static_cast<std::ptrdiff_t>(start.size()), all.end());
  const auto cut = TRY(examples_.completion(start, rest, example));
  const auto marked = TRY(examples_.conversation(all, example));
  TokenSequence sequence;
  for (size_t t = 0; t < marked.ids.size(); ++t) {
    append(sequence, marked.ids[t],
           marked.assistant[t] && static_cast<int64_t>(t) >= cut.boundary);
  }
  return sequence;
}

data::RowResult<ChainTokenizer::Prepared> ChainTokenizer::prepare(const data::Example& example,
                                                                  data::ChainForm form,
                                                                  Random& random) const {
  const auto ranks = TRY(ranks_of(example));
  TRY(data::check_row(example));
  const data::PromptAndCompletions row = TRY(data::split_example(example));
  const data::ChainOptions options{form, options_.max_answers, options_.draw_phrase};
  const auto chain = TRY(data::make_chain(ranks, options_.templates, options, random));
  const bool chat = row.prompt ? data::is_conversational(*row.prompt)
                               : data::is_conversational(row.completions.front());
  Prepared prepared;
  prepared.sequence = chat ? TRY(conversation(example, row, chain)) : TRY(strings(row, chain));
  TRY(fit_sequence(options_.rows, examples_.tokenizer(), prepared.sequence, &prepared.truncated));
  return prepared;
}

Result<std::vector<SftRow>> read_chain_rows(const std::vector<std::string>& files,
                                            const ChainTokenizer& tokenizer, DataReport* report) {
  const ChainRowOptions& options = tokenizer.options();
  AcceptedRows<SftRow> accepted(options.contradictions);
  const auto take = [&](const RowName& name, const data::Example& example) {
    // Of the data row, so that a row more does not change the chains of the others.
    Random random(options.seed, static_cast<uint64_t>(report->rows_read()));
    std::vector<SftRow> chains;
    int64_t tokens = 0, trained = 0;
    bool truncated = false;
    for (data::ChainForm form : options.forms) {
      auto prepared = tokenizer.prepare(example, form, random);
      if (!prepared.ok()) return report->drop(name, prepared.error());
      truncated = truncated || prepared->truncated;
      if (prepared->sequence.trained_tokens() == 0) continue;
      tokens += static_cast<int64_t>(prepared->sequence.ids.size());
      trained += prepared->sequence.trained_tokens();
      chains.push_back({{std::move(prepared->sequence)}, {name}});
    }
    if (chains.empty()) {
      return report->drop(name,
                          data::refuse_row(data::kPromptFillsLength,
                                           "max_length cuts every chain before its first answer"));
    }
    accepted.add(name, example, std::move(chains), tokens, trained, truncated);
  };
  const ExampleFileOptions reading{options.rows.text_field, options.rows.max_rows};
  TRY(for_each_example(files, reading, report, take));
  return accepted.finish(report);
}

}  // namespace attune::engine::train
