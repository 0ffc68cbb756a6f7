#include "engine/train/rows/sft_data.h"

namespace attune::engine::train {
namespace {

// `packed`: whether the rows will be packed. Best fit cuts an example at the row's length, so it is
// cut when it is read; the other strategies keep all of it.
Result<SftRowOptions> row_options(const Json& config, const ModelLimits& limits,
                                  const PackingPlan& packing, bool packed) {
  SftRowOptions options;
  options.text_field = TRY(get_string_or(config, "dataset_text_field", "text"));
  options.vocabulary = limits.vocabulary;
  options.context = limits.context;
  options.max_length.reset();
  const bool unlimited = config.contains("max_length") && config["max_length"].is_null();
  const bool splits = packed && packing.strategy != PackingStrategy::kBestFit;
  if (!unlimited && !splits) options.max_length = TRY(get_int_or(config, "max_length", 1024));
  if (splits) options.context = 0;  // pieces are what the model reads, and they fit
  if (find(config, "completion_only_loss") != nullptr) {
    options.completion_only = TRY(get_bool(config, "completion_only_loss"));
  }
  options.assistant_only = TRY(get_bool_or(config, "assistant_only_loss", false));
  return options;
}

}  // namespace

Result<PackingPlan> read_packing(const protocol::Job& job, const ModelLimits& limits) {
  const Json& config = job.config;
  PackingPlan plan;
  plan.train = TRY(get_bool_or(config, "packing", false));
  if (!plan.train) return plan;
  if (config.contains("max_length") && config["max_length"].is_null()) {
    return invalid_input("max_length: packing needs the length of a row; set a number");
  }
  // TRL: unset, the evaluation rows are packed as the training rows are. Rows held out of the
  // training files are packed with them.
  plan.evaluation = job.eval_files.empty() || TRY(get_bool_or(config, "eval_packing", true));
  plan.row_length = TRY(get_int_or(config, "max_length", 1024));
  const std::string name = TRY(get_string_or(config, "packing_strategy", "bfd"));
  plan.strategy = TRY(parse_packing_strategy(name));
  if (plan.strategy != PackingStrategy::kBestFit && limits.context > 0 &&
      plan.row_length > limits.context) {
    return invalid_input(
        "max_length: {} is more than the model's context of {} tokens, and packing_strategy {} "
        "makes sequences of that length; lower max_length",
        plan.row_length, limits.context, name);
  }
  return plan;
}

void pack_splits(const PackingPlan& plan, SftData* data) {
  if (plan.train) {
    data->train = pack_sft_rows(data->train, plan.row_length, plan.strategy, &data->train_report);
  }
  if (plan.evaluation && !data->evaluation.empty()) {
    data->evaluation = pack_sft_rows(data->evaluation, plan.row_length, plan.strategy,
                                     &data->evaluation_report);
  }
}

std::vector<SftRow> pack_sft_rows(const std::vector<SftRow>& rows, int64_t row_length,
                                  PackingStrategy strategy, DataReport* report) {
  std::vector<int64_t> lengths;
  for (const SftRow& row : rows) lengths.push_back(row.tokens());
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
      report->count_rows_without_loss();
    }
  }
  return packed;
}

Status load_sft_data(const protocol::Job& job, const RunText& text, const ModelLimits& limits,
                     const TrainingOptions& options, SftData* data) {
  const PackingPlan packing = TRY(read_packing(job, limits));
  std::optional<text::ChatTemplate> chat_template;
  if (!text.chat_template.empty()) {
    chat_template = TRY(text::ChatTemplate::parse(text.chat_template));
  }
  const auto read = [&](Split split, const std::vector<std::string>& files,
                        std::optional<int64_t> max_rows,
                        DataReport* report) -> Result<std::vector<SftRow>> {
    const bool packed = split == Split::kTrain ? packing.train : packing.evaluation;
    SftRowOptions rows = TRY(row_options(job.config, limits, packing, packed));
    rows.max_rows = max_rows;
    return read_sft_rows(files, SftTokenizer(text.tokenizer, chat_template, rows), report);
  };
  TRY(read_splits(job, options, read, data));
  pack_splits(packing, data);
  if (data->train.empty()) return invalid_input("training data: no row is left to train on");
  return {};
}

}  // namespace attune::engine::train
