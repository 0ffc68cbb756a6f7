// Reading whole files of SFT rows (sft_rows.h).
#include "data/rows.h"
#include "engine/train/sft_rows.h"

namespace attune::engine::train {
namespace {

// Ends the reading of a file when enough rows have come; never shown.
constexpr std::string_view kEnough = "enough rows";

class SftReader {
 public:
  SftReader(const SftTokenizer& tokenizer, DataReport* report)
      : tokenizer_(tokenizer), report_(report) {}

  Status read(const std::string& file) {
    const auto take = [&](data::Row row) -> Status {
      if (full()) return Error(ErrorCode::kCancelled, std::string(kEnough));
      report_->count_read();
      take_row({file, row.number}, row.value);
      return {};
    };
    const auto take_bad = [&](int64_t number, const Error& error) -> Status {
      if (full()) return Error(ErrorCode::kCancelled, std::string(kEnough));
      report_->count_read();
      report_->drop({file, number}, "unreadable", error.message());
      return {};
    };
    const Status status = data::for_each_row(file, take, take_bad);
    if (!status.ok() && status.error().message() != kEnough) return status;
    return {};
  }

  std::vector<SftRow> rows;

 private:
  bool full() const {
    const std::optional<int64_t>& limit = tokenizer_.options().max_rows;
    return limit && report_->rows_read() >= *limit;
  }

  void take_row(const RowName& name, const OrderedJson& value) {
    const auto example = data::parse_example(value, tokenizer_.options().text_field);
    if (!example.ok()) return report_->drop(name, "not an example", example.error().message());
    auto prepared = tokenizer_.prepare(*example);
    if (!prepared.ok()) return report_->drop(name, "cannot be used", prepared.error().message());
    if (prepared->truncated) report_->note_truncated(name);
    const int64_t trained = prepared->sequence.trained_tokens();
    if (trained == 0) {
      const std::string length = std::to_string(prepared->sequence.ids.size());
      return report_->drop(name, "no trained token",
                           prepared->truncated
                               ? "the prompt alone fills max_length (" + length + " tokens)"
                               : "none of its " + length + " tokens has a loss");
    }
    if (prepared->boundary_mismatch) report_->note_boundary_mismatch(name);
    report_->count_kept(static_cast<int64_t>(prepared->sequence.ids.size()), trained);
    report_->count_licence(example->source ? example->source->licence : "");
    if (!example->guideline_version.empty()) {
      report_->count_guideline(example->guideline_version);
    }
    rows.push_back({{std::move(prepared->sequence)}, {name}});
  }

  const SftTokenizer& tokenizer_;
  DataReport* report_;
};

}  // namespace

Result<std::vector<SftRow>> read_sft_rows(const std::vector<std::string>& files,
                                          const SftTokenizer& tokenizer, DataReport* report) {
  SftReader reader(tokenizer, report);
  for (const std::string& file : files) TRY(reader.read(file));
  return std::move(reader.rows);
}

}  // namespace attune::engine::train
