#include "engine/train/rows/prompt_rows.h"

#include "base/sha256.h"
#include "engine/train/rows/example_files.h"
#include "engine/train/rows/model_limits.h"

namespace attune::engine::train {
namespace {

data::RowResult<data::Content> prompt_of(const data::Example& example) {
  if (example.form == data::Form::kPrompt) return *example.prompt;
  if (example.form == data::Form::kText) {
    return data::refuse_row(data::kOtherForm,
                            "plain text has no prompt to answer; name its column prompt");
  }
  data::PromptAndCompletions split = TRY(data::split_example(example));
  if (!split.prompt) return data::refuse_row(data::kNoPrompt, "the row has no prompt");
  return std::move(*split.prompt);
}

data::RowStatus check_length(int64_t length, const PromptRowOptions& options) {
  if (length == 0) return data::refuse_row(data::kEmptyPrompt, "the prompt has no tokens");
  if (options.max_prompt_length && length > *options.max_prompt_length) {
    return data::refuse_row(data::kLongPrompt, "its {} tokens are more than max_prompt_length ({})",
                            length, *options.max_prompt_length);
  }
  if (options.max_length && length + options.room > *options.max_length) {
    return data::refuse_row(
        data::kLongRow,
        "its {} tokens leave no room for an answer of {} tokens in max_length ({})", length,
        options.room, *options.max_length);
  }
  if (options.context > 0 && length + options.room > options.context) {
    return data::refuse_row(
        data::kPromptFillsContext,
        "its {} tokens leave no room for an answer of {} tokens in the model's context of {}",
        length, options.room, options.context);
  }
  return {};
}

void hash_rows(Sha256& hash, const std::vector<PromptRow>& rows) {
  for (const PromptRow& row : rows) {
    const uint64_t length = row.ids.size();
    hash.update(&length, sizeof(length));
    hash.update(row.ids.data(), length * sizeof(int32_t));
  }
}

}  // namespace

data::RowResult<PromptRow> make_prompt_row(const data::Example& example,
                                           const data::ExampleTokenizer& tokenizer,
                                           const PromptRowOptions& options) {
  PromptRow row;
  row.prompt = TRY(prompt_of(example));
  row.ids = TRY(tokenizer.prompt(row.prompt, example));
  TRY(check_length(row.tokens(), options));
  TRY(check_ids(row.ids, tokenizer.tokenizer(), options.vocabulary));
  row.example = example;
  return row;
}

Result<std::vector<PromptRow>> read_prompt_rows(const std::vector<std::string>& files,
                                                const data::ExampleTokenizer& tokenizer,
                                                const PromptRowOptions& options,
                                                DataReport* report) {
  std::vector<PromptRow> rows;
  const auto take = [&](const RowName& name, const data::Example& example) {
    auto row = make_prompt_row(example, tokenizer, options);
    if (!row.ok()) return report->drop(name, row.error());
    row->name = name;
    report->count_kept(row->tokens(), 0);
    count_source(example, report);
    rows.push_back(std::move(*row));
  };
  TRY(for_each_example(files, {options.text_field, options.max_rows}, report, take));
  return rows;
}

Status load_prompt_data(const protocol::Job& job, const RunText& text,
                        const PromptRowOptions& limits, const TrainingOptions& options,
                        PromptData* data) {
  PromptRowOptions rows = limits;
  rows.text_field = TRY(get_string_or(job.config, "dataset_text_field", "text"));
  if (find(job.config, "max_prompt_length") != nullptr) {
    rows.max_prompt_length = TRY(get_int(job.config, "max_prompt_length"));
  }
  if (find(job.config, "max_length") != nullptr) {
    rows.max_length = TRY(get_int(job.config, "max_length"));
  }
  const auto tokenizer = TRY(data::ExampleTokenizer::make(text.tokenizer, text.chat_template));
  const auto read = [&](Split, const std::vector<std::string>& files,
                        std::optional<int64_t> max_rows, DataReport* report) {
    rows.max_rows = max_rows;
    return read_prompt_rows(files, tokenizer, rows, report);
  };
  return read_splits(job, options, read, data);
}

std::string fingerprint_of(const std::vector<PromptRow>& train,
                           const std::vector<PromptRow>& evaluation) {
  Sha256 hash;
  hash_rows(hash, train);
  hash.update("/", 1);
  hash_rows(hash, evaluation);
  return hash.hex();
}

}  // namespace attune::engine::train
