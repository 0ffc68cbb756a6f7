#include "server/api/export/export_rows.h"

#include <algorithm>

#include "data/csv.h"
#include "data/example.h"
#include "server/api/export/export_columns.h"
#include "server/api/export/export_line.h"
#include "server/domain/answer_codes.h"

namespace attune::api {
namespace {

using store::ExportedAnswer;
using store::ExportedRecord;

// A record whose parts are read; what it points to lives in the page.
struct ReadRecord {
  const ExportedRecord* stored = nullptr;
  OrderedJson fields, metadata;
};
struct ReadAnswer {
  const ExportedAnswer* stored = nullptr;
  OrderedJson values;
  bool adjudicated = false;
};

Result<ReadRecord> read_record(const ExportedRecord& stored) {
  ReadRecord record{&stored, TRY(parse_ordered_json(stored.fields)), nullptr};
  record.metadata = TRY(parse_ordered_json(stored.metadata));
  return record;
}

Result<ReadAnswer> read_answer(const ExportedAnswer& stored) {
  return ReadAnswer{&stored, TRY(parse_ordered_json(stored.values))};
}

// A reviewer's decision in the form of an answer.
std::optional<ExportedAnswer> decision_as_answer(const ExportedRecord& record) {
  if (!record.adjudication) return std::nullopt;
  ExportedAnswer answer;
  answer.user_id = record.adjudication->user_id;
  answer.status = domain::ResponseStatus::kSubmitted;
  answer.values = record.adjudication->values;
  answer.inserted_at = answer.updated_at = record.adjudication->at;
  answer.shown_order = "null";
  return answer;
}

void add_line(const OrderedJson& row, std::string& out, ExportCounts& counts) {
  out += to_line(row);
  out += '\n';
  ++counts.rows;
}

// --- csv -------------------------------------------------------------------------------------

std::string cell(const OrderedJson& value) {
  if (value.is_null()) return "";
  return value.is_string() ? value.get<std::string>() : to_line(value);
}

std::string member_cell(const OrderedJson& object, const std::string& name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  return !object.is_object() || found == object.end() ? "" : cell(*found);
}

void add_csv_row(const domain::Schema& schema, const store::ExportPage& page,
                 const ReadRecord& record, const ReadAnswer* answer, std::string& out,
                 ExportCounts& counts) {
  std::vector<std::string> cells = {record.stored->id, record.stored->external_id.value_or(""),
                                    record.stored->completed ? "completed" : "pending"};
  for (const domain::Field& field : schema.fields) {
    cells.push_back(member_cell(record.fields, field.name));
  }
  cells.push_back(record.metadata.is_null() ? "" : record.stored->metadata);
  if (answer == nullptr) {
    cells.resize(cells.size() + 3 + schema.questions.size());
  } else {
    const auto version = answer->stored->guideline_version;
    cells.push_back(name_of(page, answer->stored->user_id));
    cells.emplace_back(answer->adjudicated ? "adjudicated" : to_string(answer->stored->status));
    cells.push_back(version ? std::to_string(*version) : "");
    for (const domain::Question& question : schema.questions) {
      const OrderedJson* value = domain::value_of(answer->values, question.name);
      cells.push_back(value == nullptr ? "" : cell(*value));
    }
  }
  out += data::to_csv_record(cells);
  ++counts.rows;
}

// --- examples --------------------------------------------------------------------------------

std::string metadata_text(const ReadRecord& record, const char* name) {
  const auto found =
      record.metadata.is_object() ? record.metadata.find(name) : record.metadata.end();
  if (!record.metadata.is_object() || found == record.metadata.end()) return "";
  return found->is_string() ? found->get<std::string>() : "";
}

// Which record an example is of, and where the record came from.
void set_origin(const ExportPlan& plan, const ReadRecord& record, data::Example& example) {
  example.id = record.stored->external_id.value_or(record.stored->id);
  data::Source source;
  source.snapshot = plan.snapshot;
  source.dataset = metadata_text(record, "source_dataset");
  if (source.dataset.empty()) source.dataset = plan.dataset_name;
  source.row = metadata_text(record, "source_row");
  if (source.row.empty()) source.row = example.id;
  source.row_is_position = !data::names_row(example.id, source.dataset, source.row);
  source.licence = metadata_text(record, "licence");
  source.generated_by = metadata_text(record, "generated_by");
  source.warning = metadata_text(record, "warning");
  example.source = std::move(source);
}

// What all examples of an answer share.
data::Example example_of(const ExportPlan& plan, const store::ExportPage& page,
                         const ReadRecord& record, const ReadAnswer& answer) {
  data::Example example;
  set_origin(plan, record, example);
  example.annotator = name_of(page, answer.stored->user_id);
  if (answer.adjudicated) example.extra["adjudicated"] = true;
  const auto version = answer.stored->guideline_version;
  if (version) example.guideline_version = std::to_string(*version);
  return example;
}

// The model that suggested exactly this text, which the annotator left as it was.
std::string untouched_suggestion(const ReadRecord& record, const domain::Question& question,
                                 const OrderedJson& value) {
  const std::string text = to_line(value);
  for (const store::ExportedSuggestion& one : record.stored->suggestions) {
    if (one.question_id == question.id && one.value == text) return one.agent.value_or("");
  }
  return "";
}

void add_sft(const ExportPlan& plan, const store::ExportPage& page, const ReadRecord& record,
             const ReadAnswer& answer, std::string& out, ExportCounts& counts) {
  const OrderedJson* value = domain::value_of(answer.values, plan.question->name);
  const auto prompt = prompt_of(*plan.prompt, record.fields);
  if (value == nullptr || !value->is_string() || !prompt) return;
  data::Example example = example_of(plan, page, record, answer);
  example.form = data::Form::kCompletion;
  example.prompt = *prompt;
  example.completion = answer_like(*prompt, value->get<std::string>());
  const std::string agent = untouched_suggestion(record, *plan.question, *value);
  if (!agent.empty()) example.source->generated_by = agent;
  add_line(data::to_json(example), out, counts);
}

void add_unpaired(const ExportPlan& plan, const store::ExportPage& page,
                  const ReadRecord& record, const ReadAnswer& answer, std::string& out,
                  ExportCounts& counts) {
  const OrderedJson* value = domain::value_of(answer.values, plan.question->name);
  const auto prompt = prompt_of(*plan.prompt, record.fields);
  const auto completion = record.fields.find(plan.completion->name);
  if (value == nullptr || !value->is_string() || !prompt || completion == record.fields.end() ||
      !completion->is_string()) {
    return;
  }
  const auto label = plan.labels.find(value->get<std::string>());
  if (label == plan.labels.end()) return;  // an option that is neither
  data::Example example = example_of(plan, page, record, answer);
  example.form = data::Form::kUnpaired;
  example.prompt = *prompt;
  example.completion = answer_like(*prompt, completion->get<std::string>());
  example.label = label->second;
  add_line(data::to_json(example), out, counts);
}

void add_prompt(const ExportPlan& plan, const ReadRecord& record, std::string& out,
                ExportCounts& counts) {
  const auto prompt = prompt_of(*plan.prompt, record.fields);
  if (!prompt) return;
  data::Example example;
  example.form = data::Form::kPrompt;
  example.prompt = *prompt;
  set_origin(plan, record, example);
  add_line(data::to_json(example), out, counts);
}

void add_pairs(const ExportPlan& plan, const data::Example& ranking, int64_t number,
               std::string& out, ExportCounts& counts) {
  feedback::PairOptions options = plan.pairs;
  options.ranking = static_cast<uint64_t>(number);
  const auto pairs = feedback::pairs_of_ranking(feedback::close_rank_holes(ranking.ranks), options);
  if (!pairs.ok()) {
    ++counts.unreadable_rankings;
    return;
  }
  for (const feedback::RankedPair& pair : *pairs) {
    data::Example example = ranking;
    example.form = data::Form::kPreference;
    example.completions.clear();
    example.ranks.clear();
    example.chosen = ranking.completions[static_cast<size_t>(pair.chosen)];
    example.rejected = ranking.completions[static_cast<size_t>(pair.rejected)];
    if (pair.chosen_probability != 1.0) example.chosen_probability = pair.chosen_probability;
    add_line(data::to_json(example), out, counts);
  }
}

void add_ranking(const ExportPlan& plan, const store::ExportPage& page,
                 const ReadRecord& record, const ReadAnswer& answer, std::string& out,
                 ExportCounts& counts) {
  const OrderedJson* value = domain::value_of(answer.values, plan.question->name);
  const auto prompt = prompt_of(*plan.prompt, record.fields);
  if (value == nullptr || !prompt) return;
  RankedCandidates ranked = ranked_candidates(plan, *value, *prompt, record.fields);
  if (ranked.completions.size() < 2) return;
  data::Example example = example_of(plan, page, record, answer);
  example.form = data::Form::kRanking;
  example.prompt = *prompt;
  example.completions = std::move(ranked.completions);
  example.ranks = std::move(ranked.ranks);
  if (plan.format == ExportFormat::kRankings) {
    add_line(data::to_json(example), out, counts);
  } else {
    add_pairs(plan, example, record.stored->position, out, counts);
  }
}

void add_answer(const domain::Schema& schema, const ExportPlan& plan,
                const store::ExportPage& page, const ReadRecord& record, const ReadAnswer& answer,
                std::string& out, ExportCounts& counts) {
  if (plan.format == ExportFormat::kCsv) {
    add_csv_row(schema, page, record, &answer, out, counts);
  } else if (plan.format == ExportFormat::kSft) {
    add_sft(plan, page, record, answer, out, counts);
  } else if (plan.format == ExportFormat::kUnpaired) {
    add_unpaired(plan, page, record, answer, out, counts);
  } else {
    add_ranking(plan, page, record, answer, out, counts);
  }
}

// Whether the decision stands in place of the submitted answers, of which rows are asked for.
bool replaces_answers(const ExportPlan& plan, const ReadAnswer& decision) {
  return plan.format != ExportFormat::kCsv && plan.adjudicated &&
         is_wanted(plan, *decision.stored) &&
         domain::value_of(decision.values, plan.question->name) != nullptr;
}

}  // namespace

const std::vector<std::string> kExportFormats = {
    "jsonl", "csv", "trl_sft", "trl_preference", "rankings", "trl_unpaired", "prompts"};

std::optional<ExportFormat> export_format_of(std::string_view name) {
  const auto found = std::find(kExportFormats.begin(), kExportFormats.end(), name);
  if (found == kExportFormats.end()) return std::nullopt;
  return static_cast<ExportFormat>(found - kExportFormats.begin());
}

std::string header_line(const domain::Schema& schema, const ExportPlan& plan) {
  if (plan.format != ExportFormat::kCsv) return "";
  std::vector<std::string> names = {"id", "external_id", "status"};
  for (const domain::Field& field : schema.fields) names.push_back("fields." + field.name);
  for (const char* name : {"metadata", "annotator", "response_status", "guideline_version"}) {
    names.emplace_back(name);
  }
  for (const domain::Question& one : schema.questions) names.push_back("answers." + one.name);
  return data::to_csv_record(names);
}

Status append_rows(const domain::Schema& schema, const ExportPlan& plan,
                   const store::ExportPage& page, const ExportedRecord& stored, std::string& out,
                   ExportCounts& counts) {
  ++counts.records;
  if (plan.format == ExportFormat::kJsonl) {
    append_whole_record(schema, plan, page, stored, out);
    ++counts.rows;
    return {};
  }
  const ReadRecord record = TRY(read_record(stored));
  if (plan.format == ExportFormat::kPrompts) {
    add_prompt(plan, record, out, counts);
    return {};
  }
  const auto decided = decision_as_answer(stored);
  ReadAnswer decision;
  if (decided) decision = TRY(read_answer(*decided));
  decision.adjudicated = true;
  const bool replaces = decided && replaces_answers(plan, decision);
  bool any = false;
  for (const ExportedAnswer& one : stored.answers) {
    if (!is_wanted(plan, one)) continue;
    if (replaces && one.status == domain::ResponseStatus::kSubmitted) continue;
    any = true;
    add_answer(schema, plan, page, record, TRY(read_answer(one)), out, counts);
  }
  if (replaces || (decided && plan.format == ExportFormat::kCsv && plan.statuses.empty())) {
    any = true;
    add_answer(schema, plan, page, record, decision, out, counts);
  }
  if (!any && plan.format == ExportFormat::kCsv) {
    add_csv_row(schema, page, record, nullptr, out, counts);
  }
  return {};
}

}  // namespace attune::api
