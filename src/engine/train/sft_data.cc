#include "engine/train/sft_data.h"

#include <cmath>

#include "base/file.h"
#include "base/random.h"

namespace attune::engine::train {
namespace {

std::vector<SftRow> in_order(std::vector<SftRow>& rows, const std::vector<int64_t>& order) {
  std::vector<SftRow> result;
  for (int64_t row : order) result.push_back(std::move(rows[static_cast<size_t>(row)]));
  return result;
}

// Moves a random share of the rows to `held_out`; what stays keeps its order.
void hold_out(std::vector<SftRow>& rows, double share, uint64_t seed,
              std::vector<SftRow>* held_out) {
  const auto count = static_cast<size_t>(std::ceil(share * static_cast<double>(rows.size())));
  std::vector<int64_t> order =
      Random(seed, 0x5eed).permutation(static_cast<int64_t>(rows.size()));
  std::vector<bool> taken(rows.size(), false);
  for (size_t i = 0; i < count && i + 1 < rows.size(); ++i) {
    taken[static_cast<size_t>(order[i])] = true;
  }
  std::vector<SftRow> kept;
  for (size_t i = 0; i < rows.size(); ++i) {
    (taken[i] ? *held_out : kept).push_back(std::move(rows[i]));
  }
  rows = std::move(kept);
}

Result<SftRowOptions> row_options(const Json& config, int64_t vocabulary, bool packing) {
  SftRowOptions options;
  options.text_field = TRY(get_string_or(config, "dataset_text_field", "text"));
  const bool unlimited = config.contains("max_length") && config["max_length"].is_null();
  if (unlimited && packing) {
    return invalid_input("max_length: packing needs the length of a row; set a number");
  }
  options.max_length.reset();
  if (!unlimited && !packing) options.max_length = TRY(get_int_or(config, "max_length", 1024));
  if (find(config, "completion_only_loss") != nullptr) {
    options.completion_only = TRY(get_bool(config, "completion_only_loss"));
  }
  options.assistant_only = TRY(get_bool_or(config, "assistant_only_loss", false));
  options.vocabulary = vocabulary;
  return options;
}

struct PackingPlan {
  int64_t row_length = 0;
  PackingStrategy strategy = PackingStrategy::kBestFit;
};

Status pack_splits(const Json& config, bool pack_evaluation, SftData* data) {
  PackingPlan plan;
  plan.row_length = TRY(get_int_or(config, "max_length", 1024));
  const std::string strategy = TRY(get_string_or(config, "packing_strategy", "bfd"));
  plan.strategy = TRY(parse_packing_strategy(strategy));
  data->train = pack_sft_rows(data->train, plan.row_length, plan.strategy, &data->train_report);
  if (pack_evaluation && !data->evaluation.empty()) {
    data->evaluation = pack_sft_rows(data->evaluation, plan.row_length, plan.strategy,
                                     &data->evaluation_report);
  }
  return {};
}

}  // namespace

OrderedJson SftData::report() const {
  OrderedJson report;
  report["train"] = train_report.to_json();
  report["train"]["rows"]["used"] = train.size();
  report["evaluation"] = evaluation_report.to_json();
  report["evaluation"]["rows"]["used"] = evaluation.size();
  return report;
}

Result<RunText> load_run_text(const weights::ModelFiles& files, const Json& config) {
  RunText text{TRY(weights::load_tokenizer(files)), files.chat_template()};
  const std::string eos = TRY(get_string_or(config, "eos_token", ""));
  if (!eos.empty()) {
    const std::optional<int32_t> id = text.tokenizer.token_to_id(eos);
    if (!id) return invalid_input("eos_token: {} is no token of {}", eos, files.path());
    text.tokenizer = text.tokenizer.with_special_ids({.bos = text.tokenizer.bos_id(),
                                                      .eos = id,
                                                      .pad = text.tokenizer.pad_id(),
                                                      .unk = text.tokenizer.unk_id()});
  }
  const std::string path = TRY(get_string_or(config, "chat_template_path", ""));
  if (!path.empty()) text.chat_template = TRY(read_file(path));
  return text;
}

std::vector<SftRow> pack_sft_rows(const std::vector<SftRow>& rows, int64_t row_length,
                                  PackingStrategy strategy, DataReport* report) {
  std::vector<int64_t> lengths;
  for (const SftRow& row : rows) {
    lengths.push_back(row.tokens());
    if (strategy == PackingStrategy::kBestFit && lengths.back() > row_length) {
      report->note_truncated(row.names[0]);
    }
  }
  std::vector<SftRow> packed;
  for (const PackedRow& pieces : pack_rows(lengths, row_length, strategy)) {
    SftRow row;
    for (const Piece& piece : pieces) {
      const SftRow& source = rows[static_cast<size_t>(piece.item)];
      const TokenSequence& whole = source.sequences[0];
      const auto begin = static_cast<std::ptrdiff_t>(piece.begin);
      const auto end = begin + static_cast<std::ptrdiff_t>(piece.length);
      if (row.sequences.empty() || strategy != PackingStrategy::kWrapped) {
        row.sequences.emplace_back();
      }
      TokenSequence& into = row.sequences.back();
      into.ids.insert(into.ids.end(), whole.ids.begin() + begin, whole.ids.begin() + end);
      into.trained.insert(into.trained.end(), whole.trained.begin() + begin,
                          whole.trained.begin() + end);
      row.names.push_back(source.names[0]);
    }
    if (row.trained_tokens() > 0) {
      packed.push_back(std::move(row));
    } else {
      report->drop(row.names[0], "no trained token",
                   fmt::format("after packing into rows of {} tokens", row_length));
    }
  }
  return packed;
}

Result<SftData> load_sft_data(const protocol::Job& job, const RunText& text, int64_t vocabulary,
                              uint64_t seed, bool allow_skipped_rows) {
  const bool packing = TRY(get_bool_or(job.config, "packing", false));
  SftRowOptions options = TRY(row_options(job.config, vocabulary, packing));
  std::optional<text::ChatTemplate> chat_template;
  if (!text.chat_template.empty()) {
    chat_template = TRY(text::ChatTemplate::parse(text.chat_template));
  }
  SftData data;
  // TRL: unset, the evaluation rows are packed as the training rows are. Rows held out of the
  // training files are packed with them.
  const bool pack_evaluation =
      packing && (job.eval_files.empty() || TRY(get_bool_or(job.config, "eval_packing", true)));
  const SftTokenizer for_evaluation(text.tokenizer, chat_template,
                                    TRY(row_options(job.config, vocabulary, pack_evaluation)));
  if (find(job.config, "max_train_rows") != nullptr) {
    options.max_rows = TRY(get_int(job.config, "max_train_rows"));
  }
  const SftTokenizer for_training(text.tokenizer, chat_template, options);
  data.train = TRY(read_sft_rows(job.train_files, for_training, &data.train_report));
  TRY(data.train_report.check("training data", allow_skipped_rows));
  if (!job.eval_files.empty()) {
    data.evaluation = TRY(read_sft_rows(job.eval_files, for_evaluation, &data.evaluation_report));
    TRY(data.evaluation_report.check("evaluation data", allow_skipped_rows));
  } else if (const double share = TRY(get_double_or(job.config, "eval_fraction", 0)); share > 0) {
    hold_out(data.train, share, seed, &data.evaluation);
  }
  if (TRY(get_bool_or(job.config, "shuffle_dataset", false))) {
    data.train = in_order(
        data.train, Random(seed, 0x0de).permutation(static_cast<int64_t>(data.train.size())));
  }
  if (packing) TRY(pack_splits(job.config, pack_evaluation, &data));
  if (data.train.empty()) return invalid_input("training data: no row is left to train on");
  return data;
}

}  // namespace attune::engine::train
