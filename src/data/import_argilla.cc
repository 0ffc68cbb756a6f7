// Exports of Argilla (SDK 1 and 2) and of Attune's own server: what people answered, one example
// for each answer. A text is a completion, an order of fields a ranking of these fields' texts; the
// prompt is the field that says so by its name, else the first text that is no candidate.

#include <algorithm>
#include <set>

#include "data/argilla_record.h"
#include "data/import_answers.h"
#include "data/import_columns.h"
#include "data/import_readers.h"

namespace attune::data {
namespace {

constexpr const char* kPromptNames[] = {"prompt", "instruction", "question", "conversation",
                                        "messages"};

struct RankedField {
  std::string field;
  std::optional<int> rank;
};
using Order = std::vector<RankedField>;

// Which fields an answer orders: [{"value", "rank"}], {"value": [...], "rank": [...]} of SDK 1's
// data sets, or bare names, best first. Nothing where it orders none.
std::optional<Order> order_of(const OrderedJson& value, const OrderedJson& fields) {
  Order order;
  const auto add = [&](const OrderedJson& name, const OrderedJson& rank) {
    const bool is_field = name.is_string() && find_column(fields, name.get<std::string>());
    const bool is_rank = rank.is_null() || (rank.is_number_integer() && rank >= 1 && rank <= 1000);
    if (!is_field || !is_rank) return false;
    order.push_back({name.get<std::string>(),
                     rank.is_null() ? std::nullopt : std::optional<int>(rank.get<int>())});
    return true;
  };
  if (value.is_object()) {
    const OrderedJson* names = find_column(value, "value");
    const OrderedJson* ranks = find_column(value, "rank");
    if (names == nullptr || ranks == nullptr || !names->is_array() || !ranks->is_array() ||
        names->size() != ranks->size()) {
      return std::nullopt;
    }
    for (size_t i = 0; i < names->size(); ++i) {
      if (!add((*names)[i], (*ranks)[i])) return std::nullopt;
    }
  } else if (value.is_array()) {
    int place = 0;
    for (const OrderedJson& item : value) {
      const OrderedJson* name = find_column(item, "value");
      const OrderedJson* rank = find_column(item, "rank");
      const bool fits = item.is_string() ? add(item, ++place)
                                         : name != nullptr &&
                                               add(*name, rank ? *rank : OrderedJson());
      if (!fits) return std::nullopt;
    }
  }
  return order.size() < 2 ? std::nullopt : std::optional<Order>(std::move(order));
}

bool is_text(const ArgillaAnswer& answer) {
  return answer.value.is_string();
}

// The question whose answers make the rows; "" with the reason in `why`.
std::string choose_question(const ArgillaRecord& record, const std::string& wanted,
                            std::string& why) {
  std::vector<std::string> texts;
  for (const ArgillaAnswer& answer : record.answers) {
    if (!wanted.empty()) {
      if (answer.question == wanted) return wanted;
      continue;
    }
    if (order_of(answer.value, record.fields)) return answer.question;
    const bool known = std::find(texts.begin(), texts.end(), answer.question) != texts.end();
    if (is_text(answer) && !known) texts.push_back(answer.question);
  }
  if (record.answers.empty() || !wanted.empty()) {
    why = wanted.empty() ? "nobody has answered" : "nobody has answered that question";
    return "";
  }
  if (texts.size() == 1) return texts[0];
  why = texts.empty() ? "no answer is a text or an order of fields"
                      : "several questions have texts: name one of them by --question";
  return "";
}

// Names of fields that some answer orders.
std::set<std::string> candidates_of(const ArgillaRecord& record) {
  std::set<std::string> names;
  for (const ArgillaAnswer& answer : record.answers) {
    const auto order = order_of(answer.value, record.fields);
    for (size_t i = 0; order && i < order->size(); ++i) names.insert((*order)[i].field);
  }
  return names;
}

bool can_be_prompt(const OrderedJson& value) {
  return value.is_string() || (value.is_array() && !value.empty() && value[0].is_object() &&
                               value[0].contains("role") && value[0].contains("content"));
}

std::string prompt_field(const ArgillaRecord& record) {
  for (const char* name : kPromptNames) {
    const OrderedJson* value = find_column(record.fields, name);
    if (value != nullptr && can_be_prompt(*value)) return name;
  }
  const std::set<std::string> candidates = candidates_of(record);
  for (const auto& [name, value] : record.fields.items()) {
    if (can_be_prompt(value) && !candidates.contains(name) && name != "status") return name;
  }
  return "";
}

// What Attune's import put into the metadata of a record, taken out again. A row that does not name
// the record was its place in a file.
Source take_source(OrderedJson& metadata, const std::string& id) {
  Source source{"", id, "", ""};
  const std::pair<const char*, std::string*> members[] = {{"source_dataset", &source.dataset},
                                                          {"source_row", &source.row},
                                                          {"licence", &source.licence},
                                                          {"generated_by", &source.generated_by},
                                                          {"warning", &source.warning}};
  for (const auto& [name, text] : members) {
    const OrderedJson* value = find_column(metadata, name);
    if (value == nullptr || !value->is_string()) continue;
    *text = value->get<std::string>();
    metadata.erase(name);
  }
  source.row_is_position = !names_row(id, source.dataset, source.row);
  return source;
}

// All of the example but the answer itself.
Result<Example> example_of(const ArgillaRecord& record, const std::string& prompt) {
  Example example;
  example.id = record.id;
  OrderedJson metadata = record.metadata;
  example.source = take_source(metadata, record.id);
  example.prompt = record.fields[prompt].is_string()
                       ? user_turn(record.fields[prompt].get<std::string>())
                       : TRY(messages_column(record.fields, prompt));
  if (!metadata.empty()) example.extra["metadata"] = metadata;
  return example;
}

// Other fields, and what the same person answered to other questions.
void keep_rest(const ArgillaRecord& record, const ArgillaAnswer& answer,
               const std::set<std::string>& used, Example& example) {
  for (const auto& [name, value] : record.fields.items()) {
    if (!used.contains(name)) example.extra["fields"][name] = value;
  }
  for (const ArgillaAnswer& other : record.answers) {
    if (other.question == answer.question || other.user != answer.user) continue;
    example.extra["answers"][other.question] = other.value;
  }
}

Status keep_order(const ArgillaRecord& record, const Order& order, Example& example,
                  std::set<std::string>& used) {
  example.form = Form::kRanking;
  for (const RankedField& one : order) {
    const std::string text = TRY(text_column(record.fields, one.field, "fields."));
    example.completions.emplace_back(assistant_turn(text));
    example.ranks.push_back(one.rank);
    used.insert(one.field);
  }
  return {};
}

Status read_answer(const ArgillaRecord& record, const ArgillaAnswer& answer, Example example,
                   const std::string& prompt, ImportSink& sink) {
  std::set<std::string> used = {prompt};
  example.annotator = answer.user;
  example.guideline_version = answer.guideline_version;
  const std::optional<Order> order = order_of(answer.value, record.fields);
  if (order) {
    TRY(keep_order(record, *order, example, used));
    const bool bare = answer.value.is_array() && answer.value[0].is_string();
    if (bare) sink.note("an order without ranks, taken as best first; Argilla's SDK 2 loses ranks");
  } else if (is_text(answer)) {
    example.form = Form::kCompletion;
    example.completion = assistant_turn(answer.value.get<std::string>());
  } else {
    sink.drop("an answer that is no text and no order of fields", answer.question);
    return {};
  }
  if (answer.status.empty()) sink.note("an answer without a status, taken as submitted");
  keep_rest(record, answer, used, example);
  return sink.keep(std::move(example));
}

}  // namespace

Status read_argilla(const OrderedJson& row, const ImportOptions& options, ImportSink& sink) {
  const ArgillaRecord record = TRY(parse_argilla_record(row));
  std::string why;
  const std::string question = choose_question(record, options.question, why);
  if (!why.empty()) {
    sink.drop(why, record.has_suggestions ? "there are suggestions, which nobody confirmed" : "");
    return {};
  }
  const std::string prompt = prompt_field(record);
  if (prompt.empty()) {
    sink.drop("no field can be the prompt");
    return {};
  }
  const Example example = TRY(example_of(record, prompt));
  for (const ArgillaAnswer& answer : record.answers) {
    if (answer.question != question) continue;
    if (!answer.status.empty() && answer.status != "submitted") {
      sink.drop("an answer that is not submitted", answer.status);
      continue;
    }
    TRY(read_answer(record, answer, example, prompt, sink));
  }
  return {};
}

}  // namespace attune::data
