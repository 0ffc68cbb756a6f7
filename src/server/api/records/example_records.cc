#include "server/api/records/example_records.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/sha256.h"

namespace attune::api {
namespace {

using data::Content;
using data::Example;
using data::Form;

std::string candidate_name(size_t index) {
  return fmt::format("response-{}", index + 1);
}

// What the example asks people to look at, whatever its form.
struct Parts {
  Content prompt;
  std::optional<Content> completion;
  std::vector<Content> candidates;
  std::vector<std::optional<int>> ranks;
};

// For messages: what the row calls itself, else its row.
std::string place_of(const Example& example) {
  return example.id.empty() && example.source ? example.source->row : example.id;
}

Result<Parts> parts_of(const Example& example) {
  Parts parts;
  if (example.form == Form::kText) return Parts{example.text, {}, {}, {}};
  if (example.form == Form::kMessages) {
    data::Messages turns = example.messages;
    if (!turns.empty() && turns.back().role == "assistant") {
      parts.completion = turns.back().content;
      turns.pop_back();
    }
    parts.prompt = std::move(turns);
    return parts;
  }
  if (!example.prompt) {
    return invalid_input("row {}: a {} row without a prompt cannot be shown to people",
                         place_of(example), data::to_string(example.form));
  }
  parts.prompt = *example.prompt;
  if (example.form == Form::kPreference) {
    parts.candidates = {*example.chosen, *example.rejected};
    parts.ranks = {1, 2};
  } else if (example.form == Form::kRanking) {
    parts.candidates = example.completions;
    parts.ranks = example.ranks;
  } else if (example.form != Form::kPrompt) {
    parts.completion = example.completion;
  }
  return parts;
}

// A candidate is shown as text: of a conversation, its last turn.
std::string text_in(const Content& content) {
  if (const auto* text = std::get_if<std::string>(&content)) return *text;
  const auto& messages = std::get<data::Messages>(content);
  return messages.empty() ? "" : messages.back().content;
}

OrderedJson prompt_json(const Content& prompt) {
  if (const auto* text = std::get_if<std::string>(&prompt)) return *text;
  OrderedJson turns = OrderedJson::array();
  for (const data::Message& turn : std::get<data::Messages>(prompt)) {
    turns.push_back({{"role", turn.role}, {"content", turn.content}});
  }
  return turns;
}

OrderedJson metadata_of(const Example& example) {
  OrderedJson metadata = OrderedJson::object();
  if (!example.source) return metadata;
  const data::Source& source = *example.source;
  const std::pair<const char*, const std::string*> members[] = {
      {"source_dataset", &source.dataset},
      {"source_row", &source.row},
      {"licence", &source.licence},
      {"generated_by", &source.generated_by},
      {"warning", &source.warning}};
  for (const auto& [name, text] : members) {
    if (!text->empty()) metadata[name] = *text;
  }
  return metadata;
}

// Of everything that people are shown of it. How candidates are ranked is said about them: a file
// that ranks them anew changes the suggestion, not the record.
std::string hash_of(const Parts& parts) {
  OrderedJson said = {{"prompt", prompt_json(parts.prompt)}};
  if (parts.completion) said["completion"] = prompt_json(*parts.completion);
  for (const Content& one : parts.candidates) said["candidates"].push_back(prompt_json(one));
  return sha256_hex(to_line(said)).substr(0, 32);
}

// What the data set calls the row names it best; without that, what the row calls itself; without
// either, what it says. Its place in a file is no name: another file has the same places.
std::string external_id_of(const Example& example, const Parts& parts) {
  const data::Source source = example.source.value_or(data::Source());
  const bool named = !source.row.empty() && !source.row_is_position;
  if (named && (example.id.empty() || !source.dataset.empty())) {
    return fmt::format("{}:{}", source.dataset, source.row);
  }
  const std::string own = example.id.empty() ? hash_of(parts) : example.id;
  const std::string prefix = source.dataset.empty() ? "" : source.dataset + ":";
  return own.starts_with(prefix) ? own : prefix + own;
}

// The contract's letters for an agent, of a name that may hold any; nothing where none is left.
OrderedJson agent_of(const std::string& name) {
  std::string agent;
  bool any = false;
  for (const char c : name.substr(0, 200)) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    const bool allowed = letter || std::string_view("-_:./ ").find(c) != std::string_view::npos;
    agent += allowed ? c : '_';
    any = any || letter;
  }
  return any ? OrderedJson(agent) : OrderedJson(nullptr);
}

OrderedJson ranking_value(const Parts& parts) {
  OrderedJson value = OrderedJson::array();
  for (size_t i = 0; i < parts.candidates.size(); ++i) {
    if (!parts.ranks[i]) continue;
    value.push_back({{"value", candidate_name(i)}, {"rank", *parts.ranks[i]}});
  }
  return value;
}

OrderedJson text_field(const std::string& name, bool required) {
  return {{"name", name},
          {"title", name},
          {"required", required},
          {"settings", {{"type", "text"}, {"use_markdown", false}}}};
}

}  // namespace

Result<RecordLayout> layout_of(const Example& example) {
  const Parts parts = TRY(parts_of(example));
  return RecordLayout{data::is_conversational(parts.prompt), parts.candidates.size()};
}

Result<ExampleTarget> target_of(const domain::Schema& schema) {
  const domain::Field* prompt = domain::field_named(schema, "prompt");
  const domain::Question* order = domain::question_named(schema, "preference");
  const domain::Question* text = domain::question_named(schema, "response");
  const bool ranks = order != nullptr && domain::type_of(order->settings) == "ranking";
  const bool writes = text != nullptr && domain::type_of(text->settings) == "text";
  if (prompt == nullptr || !(ranks || writes)) {
    return invalid_input(
        "a data set that a file is imported into has a field `prompt` and a text question "
        "`response`, or a ranking question `preference` of fields `response-1`, ...: `attune "
        "import --dataset` makes one");
  }
  ExampleTarget target;
  target.layout.chat = domain::type_of(prompt->settings) == "chat";
  if (ranks) target.layout.candidates = order->settings.at("options").size();
  target.question_id = ranks ? order->id : text->id;
  return target;
}

std::vector<OrderedJson> fields_of(const RecordLayout& layout) {
  std::vector<OrderedJson> fields = {text_field("prompt", true)};
  if (layout.chat) fields[0]["settings"] = {{"type", "chat"}, {"use_markdown", false}};
  for (size_t i = 0; i < layout.candidates; ++i) {
    fields.push_back(text_field(candidate_name(i), i < 2));
  }
  return fields;
}

std::vector<OrderedJson> questions_of(const RecordLayout& layout) {
  if (layout.candidates == 0) return {text_field("response", true)};
  OrderedJson options = OrderedJson::array();
  for (size_t i = 0; i < layout.candidates; ++i) {
    options.push_back({{"value", candidate_name(i)}, {"text", candidate_name(i)}});
  }
  return {{{"name", "preference"},
           {"title", "Order the responses from best to worst"},
           {"required", true},
           {"settings",
            {{"type", "ranking"}, {"options", std::move(options)}, {"allow_partial", true}}}}};
}

OrderedJson record_of(const Example& example, const RecordLayout& layout,
                      const std::string& question_id) {
  const Parts parts = parts_of(example).value();  // layout_of was asked before
  OrderedJson fields = {{"prompt", prompt_json(parts.prompt)}};
  if (layout.chat && fields["prompt"].is_string()) {
    fields["prompt"] = {{{"role", "user"}, {"content", fields["prompt"]}}};
  }
  for (size_t i = 0; i < parts.candidates.size(); ++i) {
    fields[candidate_name(i)] = text_in(parts.candidates[i]);
  }
  OrderedJson record = {{"fields", std::move(fields)}, {"metadata", metadata_of(example)}};
  record["external_id"] = external_id_of(example, parts);
  OrderedJson value;
  if (parts.completion) value = text_in(*parts.completion);
  if (!parts.candidates.empty()) value = ranking_value(parts);
  if (value.is_null() || (value.is_array() && value.empty())) return record;
  const std::string author =
      parts.candidates.empty() && example.source ? example.source->generated_by : example.annotator;
  record["suggestions"] = {{{"question_id", question_id},
                            {"value", std::move(value)},
                            {"agent", agent_of(author)}}};
  return record;
}

Result<OrderedJson> fitting_record(const Example& example, const RecordLayout& layout,
                                   const std::string& question_id) {
  const RecordLayout own = TRY(layout_of(example));
  const bool fits = (own.candidates == 0) == (layout.candidates == 0) &&
                    own.candidates <= layout.candidates && (layout.chat || !own.chat);
  if (!fits) {
    return invalid_input("row {}: {} candidates and a {} prompt do not fit the data set",
                         place_of(example), own.candidates, own.chat ? "chat" : "text");
  }
  return record_of(example, layout, question_id);
}

void ExternalIds::tell_apart(OrderedJson& record) {
  auto& id = record["external_id"].get_ref<std::string&>();
  const int times = ++times_[std::hash<std::string>()(id)];
  if (times > 1) id += fmt::format("#{}", times);
}

}  // namespace attune::api
