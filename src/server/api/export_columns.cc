#include "server/api/export_columns.h"

#include <algorithm>

namespace attune::api {
namespace {

bool is_of_kind(const domain::Question& question, ExportFormat format) {
  const std::string& type = domain::type_of(question.settings);
  if (format == ExportFormat::kSft) return type == "text";
  return type == "ranking" || type == "label_selection";
}

const char* kind_of(ExportFormat format) {
  return format == ExportFormat::kSft ? "text" : "ranking (or label_selection)";
}

const domain::Question* first_question(const domain::Schema& schema, ExportFormat format) {
  const domain::Question* best = nullptr;
  const auto better = [&](const domain::Question& one) {
    if (best == nullptr) return true;
    const auto weight = [](const domain::Question& it) {
      return (domain::type_of(it.settings) == "ranking" ? 2 : 0) + (it.required ? 1 : 0);
    };
    return weight(one) > weight(*best);
  };
  for (const domain::Question& one : schema.questions) {
    if (is_of_kind(one, format) && better(one)) best = &one;
  }
  return best;
}

bool is_option(const domain::Question* question, const std::string& name) {
  if (question == nullptr || !question->settings.contains("options")) return false;
  const OrderedJson& options = question->settings["options"];
  return std::any_of(options.begin(), options.end(),
                     [&](const OrderedJson& option) { return option.at("value") == name; });
}

const domain::Field* first_prompt(const domain::Schema& schema, const domain::Question* question) {
  for (const char* name : {"prompt", "instruction", "question", "conversation", "messages"}) {
    const domain::Field* field = domain::field_named(schema, name);
    if (field != nullptr) return field;
  }
  for (const domain::Field& field : schema.fields) {
    const std::string& type = domain::type_of(field.settings);
    if ((type == "text" || type == "chat") && !is_option(question, field.name)) return &field;
  }
  return nullptr;
}

std::optional<data::Content> content_of(const OrderedJson& value) {
  if (value.is_string()) return data::Content(value.get<std::string>());
  if (!value.is_array()) return std::nullopt;
  data::Messages messages;
  for (const OrderedJson& turn : value) {
    messages.push_back({turn.at("role").get<std::string>(),
                        turn.at("content").get<std::string>(), turn});
  }
  return data::Content(std::move(messages));
}

// The text that an option stands for: the field of its name, else the option itself.
std::optional<std::string> candidate_of(const OrderedJson& option, const OrderedJson& fields) {
  const std::string name = option.get<std::string>();
  const auto field = fields.find(name);
  if (field == fields.end()) return name;
  if (!field->is_string()) return std::nullopt;
  return field->get<std::string>();
}

std::optional<int> rank_in(const OrderedJson& value, const OrderedJson& option) {
  if (value.is_string()) return value == option ? 1 : 2;  // the best one, over all others
  for (const OrderedJson& item : value) {
    if (item.at("value") != option || !item.at("rank").is_number_integer()) continue;
    return item["rank"].get<int>();
  }
  return std::nullopt;
}

}  // namespace

Status choose_columns(const domain::Schema& schema, const std::string& question,
                      const std::string& prompt, ExportPlan& plan) {
  if (plan.format == ExportFormat::kJsonl || plan.format == ExportFormat::kCsv) return {};
  plan.question = question.empty() ? first_question(schema, plan.format)
                                   : domain::question_named(schema, question);
  const bool needs_question = plan.format != ExportFormat::kPrompts;
  if (needs_question && (plan.question == nullptr || !is_of_kind(*plan.question, plan.format))) {
    return invalid_input("data set `{}` has no {} question{}; name one by ?question=",
                         schema.dataset.name, kind_of(plan.format),
                         question.empty() ? "" : " named `" + question + "`");
  }
  plan.prompt = prompt.empty() ? first_prompt(schema, plan.question)
                               : domain::field_named(schema, prompt);
  if (plan.prompt == nullptr) {
    return invalid_input("data set `{}` has no field for the prompt{}; name one by ?prompt=",
                         schema.dataset.name, prompt.empty() ? "" : " named `" + prompt + "`");
  }
  return {};
}

std::optional<data::Content> prompt_of(const domain::Field& field, const OrderedJson& fields) {
  const auto value = fields.find(field.name);
  if (value == fields.end()) return std::nullopt;
  return content_of(*value);
}

data::Content answer_like(const data::Content& prompt, std::string text) {
  if (!data::is_conversational(prompt)) return text;
  OrderedJson raw = {{"role", "assistant"}, {"content", text}};
  return data::Messages{{"assistant", std::move(text), std::move(raw)}};
}

RankedCandidates ranked_candidates(const domain::Question& question, const OrderedJson& value,
                                   const data::Content& prompt, const OrderedJson& fields) {
  RankedCandidates ranked;
  for (const OrderedJson& option : question.settings.at("options")) {
    auto text = candidate_of(option.at("value"), fields);
    if (!text) continue;
    ranked.completions.push_back(answer_like(prompt, std::move(*text)));
    ranked.ranks.push_back(rank_in(value, option.at("value")));
  }
  return ranked;
}

}  // namespace attune::api
