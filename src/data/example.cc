#include "data/example.h"

#include <set>

#include "text/unicode.h"

namespace attune::data {
namespace {

constexpr const char* kColumnsOf =
    "a row needs text | messages | prompt+completion | prompt+chosen+rejected | "
    "chosen_prompt+chosen+rejected_prompt+rejected | "
    "prompt+completion+label | prompt+completions+ranks | prompt";

const OrderedJson* column(const OrderedJson& row, std::string_view name) {
  auto it = row.find(std::string(name));
  return it == row.end() || it->is_null() ? nullptr : &*it;
}

// A value as an error shows it: the beginning is enough.
std::string glimpse(const OrderedJson& value) {
  constexpr size_t kGlimpseBytes = 80;
  std::string line = to_line(value);
  if (line.size() <= kGlimpseBytes) return line;
  return line.substr(0, text::valid_utf8_prefix(line.substr(0, kGlimpseBytes))) + "...";
}

std::string canonical_role(const std::string& role) {
  if (role == "human") return "user";
  if (role == "gpt") return "assistant";
  return role;
}

// OpenAI-style content parts: only text parts can be trained on.
Result<std::string> text_of_parts(const OrderedJson& parts) {
  std::string text;
  for (const OrderedJson& part : parts) {
    const OrderedJson* type = part.is_object() ? column(part, "type") : nullptr;
    const OrderedJson* words = part.is_object() ? column(part, "text") : nullptr;
    if (type == nullptr || *type != "text" || words == nullptr || !words->is_string()) {
      return unsupported("a content part is no text; keep only text parts");
    }
    text += words->get_ref<const std::string&>();
  }
  return text;
}

Result<Message> parse_message(const OrderedJson& turn) {
  if (!turn.is_object()) return invalid_input("a message must be an object with role and content");
  const OrderedJson* role = column(turn, "role");
  if (role == nullptr) role = column(turn, "from");
  if (role == nullptr || !role->is_string()) {
    return invalid_input("a message lacks \"role\" (user, assistant, system or tool)");
  }
  Message message;
  message.role = canonical_role(role->get<std::string>());
  message.raw = turn;
  const OrderedJson* content = column(turn, "content");
  if (content == nullptr) content = column(turn, "value");
  if (content != nullptr && content->is_string()) {
    message.content = content->get<std::string>();
  } else if (content != nullptr && content->is_array()) {
    message.content = TRY(text_of_parts(*content));
  } else if (content != nullptr || !turn.contains("tool_calls")) {
    return invalid_input("the message of role \"{}\" has no text in \"content\"", message.role);
  }
  message.raw.erase("from");
  message.raw.erase("value");
  message.raw["role"] = message.role;
  if (content != nullptr) message.raw["content"] = message.content;
  return message;
}

Result<Messages> parse_messages(const OrderedJson& value, std::string_view name) {
  if (!value.is_array() || value.empty()) {
    return invalid_input("\"{}\" must be a list of at least one message", name);
  }
  Messages messages;
  for (size_t i = 0; i < value.size(); ++i) {
    Result<Message> message = parse_message(value[i]);
    if (!message.ok()) return message.error().with_context(fmt::format("\"{}\"[{}]", name, i));
    messages.push_back(std::move(message).value());
  }
  return messages;
}

Result<Content> parse_content(const OrderedJson& value, std::string_view name) {
  if (value.is_string()) return Content(value.get<std::string>());
  if (value.is_array()) return Content(TRY(parse_messages(value, name)));
  return invalid_input("\"{}\" must be a string or a list of messages, found {}", name,
                       value.type_name());
}

Result<std::optional<Content>> optional_content(const OrderedJson& row, std::string_view name) {
  const OrderedJson* value = column(row, name);
  if (value == nullptr) return std::optional<Content>();
  return std::optional<Content>(TRY(parse_content(*value, name)));
}

Result<std::string> optional_text(const OrderedJson& row, std::string_view name) {
  const OrderedJson* value = column(row, name);
  if (value == nullptr) return std::string();
  if (value->is_string()) return value->get<std::string>();
  if (value->is_number_integer()) return to_line(*value);
  return invalid_input("\"{}\" must be a string, found {}", name, value->type_name());
}

Result<std::optional<double>> optional_number(const OrderedJson& row, std::string_view name) {
  const OrderedJson* value = column(row, name);
  if (value == nullptr) return std::optional<double>();
  if (!value->is_number()) {
    return invalid_input("\"{}\" must be a number, found {}", name, value->type_name());
  }
  return std::optional<double>(value->get<double>());
}

Result<std::optional<double>> number_or_null(const OrderedJson& value, std::string_view what) {
  if (value.is_null()) return std::optional<double>();
  if (!value.is_number()) {
    return invalid_input("{} must be a number or null, found {}", what, glimpse(value));
  }
  return std::optional<double>(value.get<double>());
}

// {"name": number} of one completion, {"name": [number, ...]} of K.
Status parse_axes(const OrderedJson& row, Example& example) {
  const OrderedJson* axes = column(row, "axes");
  if (axes == nullptr) return {};
  if (!axes->is_object()) return invalid_input("\"axes\" must be an object of named numbers");
  const bool one = example.form == Form::kCompletion;
  for (const auto& [name, values] : axes->items()) {
    const std::string what = fmt::format("\"axes\".\"{}\"", name);
    Axis axis{name, {}};
    if (one) {
      axis.values.push_back(TRY(number_or_null(values, what)));
    } else if (!values.is_array() || values.size() != example.completions.size()) {
      return invalid_input("{} must be a list as long as \"completions\"", what);
    }
    for (size_t i = 0; !one && i < values.size(); ++i) {
      axis.values.push_back(TRY(number_or_null(values[i], what)));
    }
    example.axes.push_back(std::move(axis));
  }
  return {};
}

// CSV has only strings: the spellings that programs write there count too.
Result<bool> parse_label(const OrderedJson& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (value == "true" || value == "True" || value == "1") return true;
  if (value == "false" || value == "False" || value == "0") return false;
  bool is_bit =
      value.is_number_integer() && (value.get<int64_t>() == 0 || value.get<int64_t>() == 1);
  if (is_bit) return value.get<int64_t>() == 1;
  return invalid_input("\"label\" must be true or false, found {}", glimpse(value));
}

Status parse_ranking(const OrderedJson& row, Example& example) {
  const OrderedJson& completions = *column(row, "completions");
  if (!completions.is_array()) return invalid_input("\"completions\" must be a list");
  for (const OrderedJson& one : completions) {
    example.completions.push_back(TRY(parse_content(one, "completions")));
  }
  const OrderedJson* ranks = column(row, "ranks");
  if (ranks == nullptr) {
    return invalid_input(
        "\"completions\" without \"ranks\": give one for each of the {}, 1 for the best and null "
        "where nobody has ranked it",
        completions.size());
  }
  if (!ranks->is_array() || ranks->size() != completions.size()) {
    return invalid_input("\"ranks\" must be a list as long as \"completions\" ({})",
                         completions.size());
  }
  for (const OrderedJson& rank : *ranks) {
    bool is_rank =
        rank.is_number_integer() && rank.get<int64_t>() >= 1 && rank.get<int64_t>() <= 10000;
    if (!rank.is_null() && !is_rank) {
      return invalid_input("a rank must be a whole number from 1 (best) or null, found {}",
                           glimpse(rank));
    }
    example.ranks.push_back(rank.is_null() ? std::nullopt : std::optional<int>(rank.get<int>()));
  }
  if (const OrderedJson* scores = column(row, "scores")) {
    if (!scores->is_array() || scores->size() != completions.size()) {
      return invalid_input("\"scores\" must be a list as long as \"completions\"");
    }
    for (const OrderedJson& score : *scores) {
      if (!score.is_number())
        return invalid_input("a score must be a number, found {}", glimpse(score));
      example.scores.push_back(score.get<double>());
    }
  }
  return parse_axes(row, example);
}

Status parse_preference(const OrderedJson& row, Example& example) {
  example.chosen = TRY(parse_content(*column(row, "chosen"), "chosen"));
  const OrderedJson* rejected = column(row, "rejected");
  if (rejected == nullptr) return invalid_input("\"chosen\" without \"rejected\"");
  example.rejected = TRY(parse_content(*rejected, "rejected"));
  example.margin = TRY(optional_number(row, "margin"));
  example.chosen_probability = TRY(optional_number(row, "chosen_probability"));
  if (example.chosen_probability &&
      !(*example.chosen_probability >= 0 && *example.chosen_probability <= 1)) {
    return invalid_input("\"chosen_probability\" must lie in [0, 1], found {}",
                         *example.chosen_probability);
  }
  return {};
}

Status parse_joint(const OrderedJson& row, Example& example) {
  for (const char* name : {"chosen_prompt", "chosen", "rejected_prompt", "rejected"}) {
    if (column(row, name) == nullptr) return invalid_input("\"{}\" is missing: two prompts need "
                                                           "an answer each", name);
  }
  example.chosen_prompt = TRY(parse_content(*column(row, "chosen_prompt"), "chosen_prompt"));
  example.chosen = TRY(parse_content(*column(row, "chosen"), "chosen"));
  example.rejected_prompt = TRY(parse_content(*column(row, "rejected_prompt"), "rejected_prompt"));
  example.rejected = TRY(parse_content(*column(row, "rejected"), "rejected"));
  return {};
}

Result<Form> detect_form(const OrderedJson& row, std::string_view text_field) {
  if (column(row, "completions") != nullptr) return Form::kRanking;
  if (column(row, "chosen_prompt") != nullptr || column(row, "rejected_prompt") != nullptr) {
    return Form::kJointPreference;
  }
  if (column(row, "chosen") != nullptr) return Form::kPreference;
  if (column(row, "completion") != nullptr) {
    if (column(row, "prompt") == nullptr) return invalid_input("\"completion\" without \"prompt\"");
    return column(row, "label") != nullptr ? Form::kUnpaired : Form::kCompletion;
  }
  if (column(row, "messages") != nullptr || column(row, "conversations") != nullptr) {
    return Form::kMessages;
  }
  if (column(row, "prompt") != nullptr) return Form::kPrompt;
  if (column(row, text_field) != nullptr) return Form::kText;
  std::string found;
  for (const auto& [name, unused] : row.items()) found += (found.empty() ? "" : ", ") + name;
  return invalid_input("no known columns (found: {}); {}", found.empty() ? "none" : found,
                       kColumnsOf);
}

Status parse_source(const OrderedJson& row, Example& example) {
  const OrderedJson* value = column(row, "source");
  if (value == nullptr || !value->is_object()) return {};
  Source source;
  source.dataset = TRY(optional_text(*value, "dataset"));
  source.row = TRY(optional_text(*value, "row"));
  source.licence = TRY(optional_text(*value, "licence"));
  source.generated_by = TRY(optional_text(*value, "generated_by"));
  source.warning = TRY(optional_text(*value, "warning"));
  source.snapshot = TRY(optional_text(*value, "snapshot"));
  if (const OrderedJson* is_position = column(*value, "row_is_position")) {
    if (!is_position->is_boolean()) {
      return invalid_input("\"source.row_is_position\" must be true or false");
    }
    source.row_is_position = is_position->get<bool>();
  }
  example.source = source;
  return {};
}

const std::set<std::string>& mapped_columns(Form form) {
  static const std::set<std::string> text = {"id"};
  static const std::set<std::string> messages = {"id", "messages", "conversations", "tools",
                                                 "chat_template_kwargs"};
  static const std::set<std::string> others = {"id",
                                               "prompt",
                                               "completion",
                                               "chosen",
                                               "chosen_prompt",
                                               "rejected_prompt",
                                               "rejected",
                                               "chosen_probability",
                                               "margin",
                                               "label",
                                               "ranks",
                                               "scores",
                                               "completions",
                                               "annotator",
                                               "tools",
                                               "chat_template_kwargs",
                                               "guideline_version"};
  static const std::set<std::string> judged = [] {
    std::set<std::string> columns = others;
    columns.insert("axes");
    return columns;
  }();
  if (form == Form::kText) return text;
  if (form == Form::kRanking || form == Form::kCompletion) return judged;
  return form == Form::kMessages ? messages : others;
}

Status parse_form(const OrderedJson& row, std::string_view text_field, Example& example) {
  if (example.form == Form::kText) {
    const OrderedJson& text = *column(row, text_field);
    if (!text.is_string())
      return invalid_input("\"{}\" must be a string, found {}", text_field, text.type_name());
    example.text = text.get<std::string>();
    return {};
  }
  if (example.form == Form::kMessages) {
    const char* name = column(row, "messages") != nullptr ? "messages" : "conversations";
    example.messages = TRY(parse_messages(*column(row, name), name));
    return {};
  }
  if (example.form == Form::kJointPreference) return parse_joint(row, example);
  example.prompt = TRY(optional_content(row, "prompt"));
  if (example.form == Form::kRanking) {
    if (!example.prompt) return invalid_input("\"completions\" without \"prompt\"");
    return parse_ranking(row, example);
  }
  if (example.form == Form::kPreference) return parse_preference(row, example);
  example.completion = TRY(optional_content(row, "completion"));
  if (example.form == Form::kUnpaired) example.label = TRY(parse_label(*column(row, "label")));
  if (example.form == Form::kCompletion) return parse_axes(row, example);
  return {};
}

// A prompt and its answers are all strings or all lists of messages.
Status check_kinds(const Example& example) {
  const auto mixed_side = [](const std::optional<Content>& prompt,
                             const std::optional<Content>& answer) {
    return prompt && answer && is_conversational(*prompt) != is_conversational(*answer);
  };
  if (mixed_side(example.chosen_prompt, example.chosen) ||
      mixed_side(example.rejected_prompt, example.rejected)) {
    return invalid_input(
        "a prompt and its answer must both be strings or both be lists of messages");
  }
  if (!example.prompt) return {};
  auto differs = [&](const std::optional<Content>& other) {
    return other && is_conversational(*other) != is_conversational(*example.prompt);
  };
  bool mixed = differs(example.completion) || differs(example.chosen) || differs(example.rejected);
  for (const Content& one : example.completions) mixed = mixed || differs(one);
  if (mixed) {
    return invalid_input(
        "the prompt and its answers must all be strings or all be lists of messages");
  }
  return {};
}

OrderedJson number_json(const std::optional<double>& number) {
  return number ? OrderedJson(*number) : OrderedJson();
}

OrderedJson axes_json(const Example& example) {
  OrderedJson axes = OrderedJson::object();
  for (const Axis& axis : example.axes) {
    if (example.form == Form::kCompletion) {
      axes[axis.name] = number_json(axis.values[0]);
      continue;
    }
    axes[axis.name] = OrderedJson::array();
    for (const auto& value : axis.values) axes[axis.name].push_back(number_json(value));
  }
  return axes;
}

OrderedJson content_json(const Content& content) {
  if (const auto* text = std::get_if<std::string>(&content)) return *text;
  OrderedJson list = OrderedJson::array();
  for (const Message& message : std::get<Messages>(content)) list.push_back(message.raw);
  return list;
}

}  // namespace

const char* to_string(Form form) {
  switch (form) {
    case Form::kText:
      return "text";
    case Form::kMessages:
      return "messages";
    case Form::kCompletion:
      return "prompt+completion";
    case Form::kPreference:
      return "prompt+chosen+rejected";
    case Form::kJointPreference:
      return "chosen_prompt+chosen+rejected_prompt+rejected";
    case Form::kUnpaired:
      return "prompt+completion+label";
    case Form::kRanking:
      return "prompt+completions+ranks";
    case Form::kPrompt:
      return "prompt";
  }
  return "unknown";
}

Result<Example> parse_example(const OrderedJson& row, std::string_view text_field) {
  if (!row.is_object())
    return invalid_input("a row must be an object, found {}; {}", row.type_name(), kColumnsOf);
  Example example;
  example.form = TRY(detect_form(row, text_field));
  example.id = TRY(optional_text(row, "id"));
  TRY(parse_form(row, text_field, example));
  TRY(check_kinds(example));
  TRY(parse_source(row, example));
  if (example.form != Form::kText) {
    example.annotator = TRY(optional_text(row, "annotator"));
    example.guideline_version = TRY(optional_text(row, "guideline_version"));
    if (const OrderedJson* tools = column(row, "tools")) example.tools = *tools;
    if (const OrderedJson* kwargs = column(row, "chat_template_kwargs"))
      example.chat_template_kwargs = *kwargs;
  }
  const std::set<std::string>& mapped = mapped_columns(example.form);
  for (const auto& [name, value] : row.items()) {
    bool is_text = example.form == Form::kText && name == text_field;
    if (!mapped.contains(name) && !is_text && !(name == "source" && example.source))
      example.extra[name] = value;
  }
  return example;
}

bool names_row(std::string_view id, std::string_view dataset, std::string_view row) {
  const size_t mark = id.rfind('#');
  const bool numbered = mark != std::string_view::npos && mark + 1 < id.size() &&
                        id.find_first_not_of("0123456789", mark + 1) == std::string_view::npos;
  const auto names = [dataset, row](std::string_view text) {
    return text == row || (text.size() == dataset.size() + 1 + row.size() &&
                           text.starts_with(dataset) && text[dataset.size()] == ':' &&
                           text.ends_with(row));
  };
  return names(id) || (numbered && names(id.substr(0, mark)));
}

OrderedJson to_json(const Example& example) {
  OrderedJson row = OrderedJson::object();
  if (!example.id.empty()) row["id"] = example.id;
  if (example.form == Form::kText) row["text"] = example.text;
  if (example.form == Form::kMessages) row["messages"] = content_json(example.messages);
  if (example.prompt) row["prompt"] = content_json(*example.prompt);
  if (example.completion) row["completion"] = content_json(*example.completion);
  if (example.chosen_prompt) row["chosen_prompt"] = content_json(*example.chosen_prompt);
  if (example.rejected_prompt) row["rejected_prompt"] = content_json(*example.rejected_prompt);
  if (example.chosen) row["chosen"] = content_json(*example.chosen);
  if (example.rejected) row["rejected"] = content_json(*example.rejected);
  if (example.chosen_probability) row["chosen_probability"] = *example.chosen_probability;
  if (example.margin) row["margin"] = *example.margin;
  if (example.form == Form::kUnpaired) row["label"] = example.label;
  if (example.form == Form::kRanking) {
    row["completions"] = OrderedJson::array();
    row["ranks"] = OrderedJson::array();
    for (const Content& one : example.completions) row["completions"].push_back(content_json(one));
    for (const auto& rank : example.ranks)
      row["ranks"].push_back(rank ? OrderedJson(*rank) : OrderedJson());
    if (!example.scores.empty()) row["scores"] = example.scores;
  }
  if (!example.axes.empty()) row["axes"] = axes_json(example);
  if (!example.annotator.empty()) row["annotator"] = example.annotator;
  if (!example.guideline_version.empty()) row["guideline_version"] = example.guideline_version;
  if (!example.tools.is_null()) row["tools"] = example.tools;
  if (!example.chat_template_kwargs.is_null())
    row["chat_template_kwargs"] = example.chat_template_kwargs;
  if (example.source) {
    row["source"] = {{"dataset", example.source->dataset},
                     {"row", example.source->row},
                     {"licence", example.source->licence},
                     {"generated_by", example.source->generated_by}};
    if (!example.source->warning.empty()) row["source"]["warning"] = example.source->warning;
    if (!example.source->snapshot.empty()) row["source"]["snapshot"] = example.source->snapshot;
    if (example.source->row_is_position) row["source"]["row_is_position"] = true;
  }
  for (const auto& [name, value] : example.extra.items()) row[name] = value;
  return row;
}

}  // namespace attune::data
