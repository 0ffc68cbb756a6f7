#include "server/api/export/export_columns.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

namespace attune::api {
namespace {

bool is_of_kind(const domain::Question& question, ExportFormat format) {
  const std::string& type = domain::type_of(question.settings);
  if (format == ExportFormat::kSft) return type == "text";
  if (format == ExportFormat::kUnpaired) return type == "label_selection";
  return type == "ranking" || type == "label_selection";
}

const char* kind_of(ExportFormat format) {
  if (format == ExportFormat::kUnpaired) return "label_selection";
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

bool names_a_field(const domain::Schema& schema, const domain::Question& question) {
  return std::any_of(schema.fields.begin(), schema.fields.end(), [&](const domain::Field& field) {
    return is_option(&question, field.name);
  });
}

// The text that an option stands for: the field of its name; nothing where the record leaves it
// empty.
std::optional<std::string> candidate_of(const OrderedJson& option, const OrderedJson& fields) {
  const auto field = fields.find(option.get<std::string>());
  if (field == fields.end() || !field->is_string()) return std::nullopt;
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

// Options are candidates by naming fields; without any, "good" would be trained on as an answer.
Status check_candidates(const domain::Schema& schema, ExportPlan& plan) {
  plan.options_are_texts = !names_a_field(schema, *plan.question);
  const bool ranks = domain::type_of(plan.question->settings) == "ranking";
  if (!plan.options_are_texts || (ranks && plan.format == ExportFormat::kRankings)) return {};
  return invalid_input(
      "no option of question `{}` is the name of a field, so that it compares no answers: name a "
      "question whose options do by ?question={}",
      plan.question->name,
      ranks ? "" : ", or take its answers as thumbs up and down by ?format=trl_unpaired");
}

const domain::Field* first_completion(const domain::Schema& schema, const domain::Field& prompt) {
  const auto is_text = [&](const domain::Field* field) {
    return field != nullptr && field->name != prompt.name &&
           domain::type_of(field->settings) == "text";
  };
  for (const char* name : {"response", "completion", "answer", "output"}) {
    const domain::Field* field = domain::field_named(schema, name);
    if (is_text(field)) return field;
  }
  const domain::Field* only = nullptr;
  for (const domain::Field& field : schema.fields) {
    if (!is_text(&field)) continue;
    if (only != nullptr) return nullptr;  // which of them, the caller must say
    only = &field;
  }
  return only;
}

// Names that say by themselves which side of a question they are.
bool is_among(std::string name, std::initializer_list<const char*> names) {
  std::transform(name.begin(), name.end(), name.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c == '-' || c == ' ' ? '_' : c;
  });
  return std::find(names.begin(), names.end(), name) != names.end();
}
bool is_positive(const std::string& name) {
  return is_among(name, {"yes", "good", "true", "up", "thumbs_up", "like", "positive", "accept",
                         "accepted", "correct", "chosen", "1", "+1", "\U0001F44D"});
}
bool is_negative(const std::string& name) {
  return is_among(name, {"no", "bad", "false", "down", "thumbs_down", "dislike", "negative",
                         "reject", "rejected", "incorrect", "0", "-1", "\U0001F44E"});
}

// Which label each option becomes.
Status choose_labels(const NamedColumns& named, ExportPlan& plan) {
  std::vector<std::string> options, up = named.positive, down = named.negative;
  for (const OrderedJson& option : plan.question->settings.at("options")) {
    options.push_back(option.at("value").get<std::string>());
  }
  if (up.empty() && down.empty()) {
    std::copy_if(options.begin(), options.end(), std::back_inserter(up), is_positive);
    std::copy_if(options.begin(), options.end(), std::back_inserter(down), is_negative);
    if (options.size() != 2 || up.size() != 1 || down.size() != 1) {
      return invalid_input(
          "which options of question `{}` mean that the answer is good is not evident ({}): name "
          "them by ?positive=, and by ?negative= where not all others mean the contrary",
          plan.question->name, fmt::join(options, ", "));
    }
  }
  for (const auto* side : {&up, &down}) {
    for (const std::string& name : *side) {
      const bool known = std::find(options.begin(), options.end(), name) != options.end();
      if (known && plan.labels.emplace(name, side == &up).second) continue;
      return invalid_input("{} of question `{}` is named by positive or negative{}", name,
                           plan.question->name,
                           known ? " twice" : ", and is none of its options");
    }
  }
  for (const std::string& option : options) {
    if (up.empty() || down.empty()) plan.labels.emplace(option, up.empty());
  }
  return {};
}

Status choose_unpaired(const domain::Schema& schema, const NamedColumns& named, ExportPlan& plan) {
  if (names_a_field(schema, *plan.question)) {
    return invalid_input(
        "question `{}` compares answers: take ?format=trl_preference, or name a question about one "
        "answer by ?question=",
        plan.question->name);
  }
  plan.completion = named.completion.empty() ? first_completion(schema, *plan.prompt)
                                             : domain::field_named(schema, named.completion);
  if (plan.completion == nullptr) {
    return invalid_input("data set `{}`: which field holds the answer{}? Name it by ?completion=",
                         schema.dataset.name,
                         named.completion.empty() ? "" : " (`" + named.completion + "` is none)");
  }
  return choose_labels(named, plan);
}

}  // namespace

Status choose_columns(const domain::Schema& schema, const NamedColumns& named, ExportPlan& plan) {
  if (plan.format == ExportFormat::kJsonl || plan.format == ExportFormat::kCsv) return {};
  const std::string &question = named.question, &prompt = named.prompt;
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
  if (plan.format == ExportFormat::kUnpaired) return choose_unpaired(schema, named, plan);
  const bool compares =
      plan.format == ExportFormat::kPreference || plan.format == ExportFormat::kRankings;
  return compares ? check_candidates(schema, plan) : Status();
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

RankedCandidates ranked_candidates(const ExportPlan& plan, const OrderedJson& value,
                                   const data::Content& prompt, const OrderedJson& fields) {
  RankedCandidates ranked;
  for (const OrderedJson& option : plan.question->settings.at("options")) {
    auto text = plan.options_are_texts ? std::optional(option.at("value").get<std::string>())
                                       : candidate_of(option.at("value"), fields);
    if (!text) continue;
    ranked.completions.push_back(answer_like(prompt, std::move(*text)));
    ranked.ranks.push_back(rank_in(value, option.at("value")));
  }
  return ranked;
}

}  // namespace attune::api
