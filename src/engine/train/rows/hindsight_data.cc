#include "engine/train/rows/hindsight_data.h"

#include <algorithm>

namespace attune::engine::train {
namespace {

constexpr const char* kPretraining = "pretrain_dataset_name";
constexpr int64_t kTextRow = 1024;  // of pretraining text where max_length is none

Result<std::optional<int64_t>> optional_int(const Json& config, const char* key) {
  if (find(config, key) == nullptr) return std::optional<int64_t>();
  return std::optional<int64_t>(TRY(get_int(config, key)));
}

// Documents in rows of at most max_length tokens; what is longer goes on in further rows, and none
// sees another.
Status load_pretraining(const protocol::Job& job, const RunText& text, const ModelLimits& limits,
                        const TrainingOptions& options, HindsightData* data) {
  const auto files = job.further_files.find(kPretraining);
  if (files == job.further_files.end() || files->second.empty()) return {};
  std::optional<text::ChatTemplate> chat_template;
  if (!text.chat_template.empty()) {
    chat_template = TRY(text::ChatTemplate::parse(text.chat_template));
  }
  SftRowOptions reading;
  reading.text_field = TRY(get_string_or(job.config, "dataset_text_field", "text"));
  reading.max_length.reset();
  reading.vocabulary = limits.vocabulary;
  const SftTokenizer tokenizer(text.tokenizer, chat_template, reading);
  auto rows = read_sft_rows(files->second, tokenizer, &data->pretraining_report);
  if (!rows.ok()) return rows.error().with_context(kPretraining);
  TRY(data->pretraining_report.check(kPretraining, options.allow_skipped_rows));
  int64_t length = TRY(optional_int(job.config, "max_length")).value_or(kTextRow);
  if (limits.context > 0) length = std::min(length, limits.context);
  data->pretraining = pack_sft_rows(*rows, length, PackingStrategy::kBestFitSplit,
                                    &data->pretraining_report);
  return {};
}

}  // namespace

OrderedJson HindsightData::report() const {
  OrderedJson report = chains.report();
  if (pretraining_report.rows_read() == 0) return report;
  report["pretraining"] = pretraining_report.to_json();
  report["pretraining"]["rows"]["used"] = pretraining.size();
  return report;
}

Result<ChainRowOptions> read_chain_options(const Json& config, const ModelLimits& limits) {
  ChainRowOptions options;
  const std::string path = TRY(get_string(config, "hindsight_templates"));
  auto templates = data::read_hindsight_templates(path);
  if (!templates.ok()) return templates.error().with_context("hindsight_templates");
  options.templates = std::move(templates).value();
  const Json* forms = find(config, "hindsight_forms");
  const Json all = forms != nullptr ? *forms : Json::array({"p", "n", "pn", "np"});
  if (!all.is_array() || all.empty()) {
    return invalid_input("hindsight_forms: name one form at least: p, n, pn, np or shuffled");
  }
  for (const Json& form : all) {
    if (!form.is_string()) return invalid_input("hindsight_forms: must be a list of names");
    options.forms.push_back(TRY(data::parse_chain_form(form.get<std::string>())));
  }
  options.max_answers = TRY(optional_int(config, "max_chain_answers"));
  options.draw_phrase = TRY(get_string_or(config, "hindsight_phrase", "draw")) != "first";
  options.contradictions = TRY(read_contradictions(config));
  options.last_only = TRY(get_string_or(config, "loss_on", "all")) == "last";
  options.rows.text_field = TRY(get_string_or(config, "dataset_text_field", "text"));
  options.rows.vocabulary = limits.vocabulary;
  options.rows.context = limits.context;
  if (config.contains("max_length")) {
    options.rows.max_length = TRY(optional_int(config, "max_length"));
  }
  return options;
}

Status load_hindsight_data(const protocol::Job& job, const RunText& text,
                           const ModelLimits& limits, const TrainingOptions& options,
                           HindsightData* data) {
  const PackingPlan packing = TRY(read_packing(job, limits));
  ChainRowOptions chains = TRY(read_chain_options(job.config, limits));
  chains.seed = options.data_seed;
  const auto examples = TRY(data::ExampleTokenizer::make(text.tokenizer, text.chat_template));
  const auto read = [&](Split split, const std::vector<std::string>& files,
                        std::optional<int64_t> max_rows,
                        DataReport* report) -> Result<std::vector<SftRow>> {
    ChainRowOptions own = chains;
    own.rows.max_rows = max_rows;
    const bool packed = split == Split::kTrain ? packing.train : packing.evaluation;
    if (packed && packing.strategy != PackingStrategy::kBestFit) {
      own.rows.max_length.reset();  // packing cuts, and goes on with the rest
      own.rows.context = 0;
    }
    return read_chain_rows(files, ChainTokenizer(examples, own), report);
  };
  TRY(read_splits(job, options, read, &data->chains));
  pack_splits(packing, &data->chains);
  if (data->chains.train.empty()) return invalid_input("training data: no chain is left");
  return load_pretraining(job, text, limits, options, data);
}

}  // namespace attune::engine::train
