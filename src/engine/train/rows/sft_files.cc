// Reading whole files of SFT rows (sft_rows.h).
#include "engine/train/rows/example_files.h"
#include "engine/train/rows/sft_rows.h"

namespace attune::engine::train {

Result<std::vector<SftRow>> read_sft_rows(const std::vector<std::string>& files,
                                          const SftTokenizer& tokenizer, DataReport* report) {
  std::vector<SftRow> rows;
  const auto take = [&](const RowName& name, const data::Example& example) {
    auto prepared = tokenizer.prepare(example);
    if (!prepared.ok()) return report->drop(name, prepared.error());
    if (prepared->truncated) report->note_truncated(name);
    const int64_t trained = prepared->sequence.trained_tokens();
    if (trained == 0) {
      const size_t length = prepared->sequence.ids.size();
      return report->drop(
          name, prepared->truncated
                    ? data::refuse_row(data::kPromptFillsLength,
                                       "the prompt alone fills max_length ({} tokens)", length)
                    : data::refuse_row(data::kNoTrainedToken,
                                       "none of its {} tokens has a loss", length));
    }
    if (prepared->boundary_mismatch) report->note_boundary_mismatch(name);
    report->count_kept(static_cast<int64_t>(prepared->sequence.ids.size()), trained);
    count_source(example, report);
    rows.push_back({{std::move(prepared->sequence)}, {name}});
  };
  const ExampleFileOptions options{tokenizer.options().text_field, tokenizer.options().max_rows};
  TRY(for_each_example(files, options, report, take));
  return rows;
}

}  // namespace attune::engine::train
