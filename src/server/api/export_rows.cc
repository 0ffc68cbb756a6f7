#include "server/api/export_rows.h"

#include <algorithm>

#include "data/csv.h"
#include "data/example.h"
#include "server/api/export_columns.h"

namespace attune::api {
namespace {

std::string annotator_of(const store::ExportPage& page, const domain::Response& response) {
  const std::string id = response.user_id.value_or("");
  const auto name = page.usernames.find(id);
  return name == page.usernames.end() ? id : name->second;
}

const store::AnswerOrigin& origin_of(const store::ExportPage& page,
                                     const domain::Response& response) {
  static const store::AnswerOrigin kUnknown;
  const auto origin = page.origins.find(response.id);
  return origin == page.origins.end() ? kUnknown : origin->second;
}

bool is_wanted(const ExportPlan& plan, const domain::Response& response) {
  return plan.statuses.empty() || plan.statuses.contains(response.status);
}

void add_line(const OrderedJson& row, std::string& out, ExportCounts& counts) {
  out += to_line(row);
  out += '\n';
  ++counts.rows;
}

// --- jsonl -----------------------------------------------------------------------------------

OrderedJson response_json(const store::ExportPage& page, const domain::Response& response) {
  const store::AnswerOrigin& origin = origin_of(page, response);
  return {{"id", response.id},
          {"user_id", response.user_id.value_or("")},
          {"annotator", annotator_of(page, response)},
          {"status", to_string(response.status)},
          {"values", response.values},
          {"guideline_version", origin.guideline_version ? OrderedJson(*origin.guideline_version)
                                                         : OrderedJson(nullptr)},
          {"seconds_spent",
           origin.seconds_spent ? OrderedJson(*origin.seconds_spent) : OrderedJson(nullptr)},
          {"shown_order", origin.shown_order},
          {"inserted_at", response.inserted_at},
          {"updated_at", response.updated_at}};
}

OrderedJson suggestion_json(const domain::Schema& schema, const domain::Suggestion& suggestion) {
  const domain::Question* question = domain::question_with_id(schema, suggestion.question_id);
  return {{"question", question == nullptr ? suggestion.question_id : question->name},
          {"value", suggestion.value},
          {"type", suggestion.type ? OrderedJson(*suggestion.type) : OrderedJson(nullptr)},
          {"agent", suggestion.agent ? OrderedJson(*suggestion.agent) : OrderedJson(nullptr)},
          {"score", suggestion.score}};
}

OrderedJson whole_record(const domain::Schema& schema, const ExportPlan& plan,
                         const store::ExportPage& page, const domain::Record& record) {
  OrderedJson row = {{"id", record.id},
                     {"external_id", record.external_id ? OrderedJson(*record.external_id)
                                                        : OrderedJson(nullptr)},
                     {"status", record.completed ? "completed" : "pending"},
                     {"fields", record.fields},
                     {"metadata", record.metadata}};
  row["suggestions"] = OrderedJson::array();
  for (const domain::Suggestion& one : record.suggestions) {
    row["suggestions"].push_back(suggestion_json(schema, one));
  }
  row["responses"] = OrderedJson::array();
  for (const domain::Response& one : record.responses) {
    if (is_wanted(plan, one)) row["responses"].push_back(response_json(page, one));
  }
  if (!record.vectors.empty()) row["vectors"] = record.vectors;
  row["inserted_at"] = record.inserted_at;
  row["updated_at"] = record.updated_at;
  return row;
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
                 const domain::Record& record, const domain::Response* response, std::string& out,
                 ExportCounts& counts) {
  std::vector<std::string> cells = {record.id, record.external_id.value_or(""),
                                    record.completed ? "completed" : "pending"};
  for (const domain::Field& field : schema.fields) {
    cells.push_back(member_cell(record.fields, field.name));
  }
  cells.push_back(record.metadata.is_null() ? "" : to_line(record.metadata));
  if (response == nullptr) {
    cells.resize(cells.size() + 3 + schema.questions.size());
  } else {
    const auto version = origin_of(page, *response).guideline_version;
    cells.push_back(annotator_of(page, *response));
    cells.emplace_back(to_string(response->status));
    cells.push_back(version ? std::to_string(*version) : "");
    for (const domain::Question& question : schema.questions) {
      const auto answer = response->values.find(question.name);
      cells.push_back(answer == response->values.end() ? "" : member_cell(*answer, "value"));
    }
  }
  out += data::to_csv_record(cells);
  ++counts.rows;
}

// --- examples --------------------------------------------------------------------------------

std::string metadata_text(const domain::Record& record, const char* name) {
  const auto found =
      record.metadata.is_object() ? record.metadata.find(name) : record.metadata.end();
  if (!record.metadata.is_object() || found == record.metadata.end()) return "";
  return found->is_string() ? found->get<std::string>() : "";
}

// Which record an example is of, and where the record came from.
void set_origin(const ExportPlan& plan, const domain::Record& record, data::Example& example) {
  example.id = record.external_id.value_or(record.id);
  data::Source source;
  source.dataset = metadata_text(record, "source_dataset");
  if (source.dataset.empty()) source.dataset = plan.dataset_name;
  source.row = metadata_text(record, "source_row");
  if (source.row.empty()) source.row = example.id;
  source.licence = metadata_text(record, "licence");
  source.generated_by = metadata_text(record, "generated_by");
  example.source = std::move(source);
}

// What all examples of an answer share.
data::Example example_of(const ExportPlan& plan, const store::ExportPage& page,
                         const domain::Record& record, const domain::Response& response) {
  data::Example example;
  set_origin(plan, record, example);
  example.annotator = annotator_of(page, response);
  const auto version = origin_of(page, response).guideline_version;
  if (version) example.guideline_version = std::to_string(*version);
  return example;
}

const OrderedJson* answer_to(const domain::Question& question, const domain::Response& response) {
  const auto answer = response.values.find(question.name);
  if (answer == response.values.end() || !answer->contains("value")) return nullptr;
  return &(*answer)["value"];
}

// The model that suggested exactly this answer, which the annotator left as it was.
std::string untouched_suggestion(const domain::Record& record, const domain::Question& question,
                                 const OrderedJson& value) {
  for (const domain::Suggestion& one : record.suggestions) {
    if (one.question_id == question.id && one.value == value) return one.agent.value_or("");
  }
  return "";
}

void add_sft(const ExportPlan& plan, const store::ExportPage& page, const domain::Record& record,
             const domain::Response& response, std::string& out, ExportCounts& counts) {
  const OrderedJson* value = answer_to(*plan.question, response);
  const auto prompt = prompt_of(*plan.prompt, record.fields);
  if (value == nullptr || !value->is_string() || !prompt) return;
  data::Example example = example_of(plan, page, record, response);
  example.form = data::Form::kCompletion;
  example.prompt = *prompt;
  example.completion = answer_like(*prompt, value->get<std::string>());
  const std::string agent = untouched_suggestion(record, *plan.question, *value);
  if (!agent.empty()) example.source->generated_by = agent;
  add_line(data::to_json(example), out, counts);
}

void add_prompt(const ExportPlan& plan, const domain::Record& record, std::string& out,
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
                 const domain::Record& record, const domain::Response& response, std::string& out,
                 ExportCounts& counts) {
  const OrderedJson* value = answer_to(*plan.question, response);
  const auto prompt = prompt_of(*plan.prompt, record.fields);
  if (value == nullptr || !prompt) return;
  RankedCandidates ranked = ranked_candidates(*plan.question, *value, *prompt, record.fields);
  if (ranked.completions.size() < 2) return;
  data::Example example = example_of(plan, page, record, response);
  example.form = data::Form::kRanking;
  example.prompt = *prompt;
  example.completions = std::move(ranked.completions);
  example.ranks = std::move(ranked.ranks);
  if (plan.format == ExportFormat::kRankings) {
    add_line(data::to_json(example), out, counts);
  } else {
    add_pairs(plan, example, record.position, out, counts);
  }
}

}  // namespace

std::optional<ExportFormat> export_format_of(std::string_view name) {
  if (name == "jsonl") return ExportFormat::kJsonl;
  if (name == "csv") return ExportFormat::kCsv;
  if (name == "trl_sft") return ExportFormat::kSft;
  if (name == "trl_preference") return ExportFormat::kPreference;
  if (name == "rankings") return ExportFormat::kRankings;
  if (name == "prompts") return ExportFormat::kPrompts;
  return std::nullopt;
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

void append_rows(const domain::Schema& schema, const ExportPlan& plan,
                 const store::ExportPage& page, const domain::Record& record, std::string& out,
                 ExportCounts& counts) {
  ++counts.records;
  if (plan.format == ExportFormat::kJsonl) {
    add_line(whole_record(schema, plan, page, record), out, counts);
    return;
  }
  if (plan.format == ExportFormat::kPrompts) {
    add_prompt(plan, record, out, counts);
    return;
  }
  bool any = false;
  for (const domain::Response& response : record.responses) {
    if (!is_wanted(plan, response)) continue;
    any = true;
    if (plan.format == ExportFormat::kCsv) {
      add_csv_row(schema, page, record, &response, out, counts);
    } else if (plan.format == ExportFormat::kSft) {
      add_sft(plan, page, record, response, out, counts);
    } else {
      add_ranking(plan, page, record, response, out, counts);
    }
  }
  if (!any && plan.format == ExportFormat::kCsv) {
    add_csv_row(schema, page, record, nullptr, out, counts);
  }
}

}  // namespace attune::api
