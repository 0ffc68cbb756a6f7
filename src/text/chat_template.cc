#include "text/chat_template.h"

#include <ctime>

#include "text/assistant_spans.h"
#include "text/jinja/parser.h"
#include "text/jinja/rendering.h"

namespace attune::text {
namespace {

using jinja::Value;
using Variables = std::vector<std::pair<std::string, Value>>;

std::tm local_time(const std::optional<int64_t>& now_unix_s) {
  std::time_t now = now_unix_s ? static_cast<std::time_t>(*now_unix_s) : std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  return local;
}

// Reasoning goes by three names; templates read the first or, some of them, "thinking".
OrderedJson with_reasoning_names(const OrderedJson& message) {
  const OrderedJson* reasoning = nullptr;
  for (const char* name : {"reasoning_content", "thinking", "reasoning"}) {
    auto found = message.find(name);
    if (found == message.end() || found->is_null()) continue;
    reasoning = &*found;
    break;
  }
  if (reasoning == nullptr) return message;
  OrderedJson renamed = OrderedJson::object();
  renamed["thinking"] = *reasoning;
  for (const auto& [key, value] : message.items()) renamed[key] = value;
  renamed["reasoning_content"] = *reasoning;
  return renamed;
}

Result<std::vector<Value>> message_values(const OrderedJson& messages) {
  if (!messages.is_array()) {
    return invalid_input("messages must be a list, found {}", messages.type_name());
  }
  std::vector<Value> values;
  for (size_t i = 0; i < messages.size(); ++i) {
    if (!messages[i].is_object()) {
      return invalid_input("message {} must be an object with \"role\" and \"content\", found {}",
                           i, messages[i].type_name());
    }
    auto value = jinja::from_json(with_reasoning_names(messages[i]));
    if (!value.ok()) return value.error().with_context(fmt::format("message {}", i));
    values.push_back(std::move(*value));
  }
  return values;
}

// Everything but messages and add_generation_prompt.
Result<Variables> other_variables(const ChatTemplateInput& input) {
  Variables variables;
  auto add = [&variables](const std::string& name, const OrderedJson& json) -> Status {
    auto value = jinja::from_json(json);
    if (!value.ok()) return value.error().with_context(name);
    variables.emplace_back(name, std::move(*value));
    return {};
  };
  TRY(add("tools", input.tools));
  TRY(add("documents", input.documents));
  const std::pair<const char*, const std::string*> tokens[] = {{"bos_token", &input.bos_token},
                                                               {"eos_token", &input.eos_token},
                                                               {"unk_token", &input.unk_token},
                                                               {"pad_token", &input.pad_token}};
  for (const auto& [name, token] : tokens) {
    if (!token->empty()) variables.emplace_back(name, Value(*token));
  }
  if (!input.extra.is_object() && !input.extra.is_null()) {
    return invalid_input("chat_template_kwargs must be an object, found {}",
                         input.extra.type_name());
  }
  for (const auto& [name, json] : input.extra.items()) TRY(add(name, json));
  return variables;
}

}  // namespace

Result<ChatTemplate> ChatTemplate::parse(std::string source) {
  auto parsed = jinja::parse_template(source);
  if (!parsed.ok()) return parsed.error().with_context("chat template");
  return ChatTemplate(std::move(source),
                      std::make_shared<const jinja::ParsedTemplate>(std::move(*parsed)));
}

bool ChatTemplate::has_markers() const { return parsed_->has_generation; }

Result<RenderedChat> ChatTemplate::render(const ChatTemplateInput& input) const {
  std::vector<Value> messages = TRY(message_values(input.messages));
  const Variables others = TRY(other_variables(input));
  std::tm now = local_time(input.now_unix_s);
  // The first `count` messages.
  auto render_prefix = [&](size_t count, bool prompt) -> Result<jinja::Rendered> {
    auto list = std::make_shared<jinja::Sequence>();
    list->items.assign(messages.begin(), messages.begin() + static_cast<std::ptrdiff_t>(count));
    for (const Value& message : list->items)
      list->depth = std::max(list->depth, message.depth() + 1);
    Variables variables = {{"messages", Value(std::shared_ptr<const jinja::Sequence>(list))},
                           {"add_generation_prompt", Value(prompt)}};
    variables.insert(variables.end(), others.begin(), others.end());
    auto rendered = jinja::Rendering(*parsed_, {}, now).run(variables);
    if (!rendered.ok()) return rendered.error().with_context("chat template");
    return rendered;
  };
  jinja::Rendered whole = TRY(render_prefix(messages.size(), input.add_generation_prompt));
  RenderedChat chat;
  chat.spans_from_markers = parsed_->has_generation;
  if (parsed_->has_generation) {
    chat.assistant_spans = std::move(whole.generated);
  } else if (input.want_assistant_spans && !input.add_generation_prompt) {
    auto render_text = [&](size_t count, bool prompt) -> Result<std::string> {
      return std::move(TRY(render_prefix(count, prompt)).text);
    };
    chat.assistant_spans =
        TRY(find_assistant_spans(input.messages, whole.text, input.eos_token, render_text));
  }
  chat.text = std::move(whole.text);
  return chat;
}

}  // namespace attune::text
