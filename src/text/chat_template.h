// Chat templates: the Jinja text that turns a conversation into a model's prompt, rendered exactly
// as Python's jinja2 3.1 renders it under Transformers' settings (trim_blocks, lstrip_blocks, loop
// controls, {% generation %}, tojson without HTML escapes, the immutable sandbox), and the answer
// to "which part of this text did the assistant write?".
//
// Templates are a stranger's text: nothing here throws, crashes or runs on; steps, nesting, values
// and output are limited (text/jinja/budget.h). Errors say the template's line, what is wrong and
// what to do. What Jinja has and chat templates do not use is refused by name: inheritance, import,
// include, HTML filters. Integers have 64 bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace attune::text {

namespace jinja {
struct ParsedTemplate;
}

struct ChatTemplateInput {
  OrderedJson messages = OrderedJson::array();   // objects with "role" and mostly "content"
  OrderedJson tools = nullptr;                   // array of JSON schemas; null: none
  OrderedJson documents = nullptr;               // array; null: none
  bool add_generation_prompt = false;            // end with the start of an assistant turn
  OrderedJson extra = OrderedJson::object();     // chat_template_kwargs: further variables
  // Variables of these names; an empty one is left undefined, as for a model without that token.
  std::string bos_token, eos_token, unk_token, pad_token;
  // Whether to derive assistant_spans for a template without {% generation %}. It costs two more
  // renderings per assistant message and fails where a template rewrites earlier turns; it is never
  // done together with add_generation_prompt.
  bool want_assistant_spans = true;
  std::optional<int64_t> now_unix_s;             // what strftime_now shows; the clock when absent
};

struct RenderedChat {
  std::string text;
  // Byte ranges [begin, end) of `text` that the assistant wrote, in order: from behind the
  // generation prompt up to and with its end-of-turn token (white space behind that token
  // excluded).
  std::vector<std::pair<size_t, size_t>> assistant_spans;
  bool spans_from_markers = false;  // {% generation %} gave them
};

// Immutable, thread-safe, cheap to copy.
class ChatTemplate {
 public:
  // kInvalidInput names the template's line.
  static Result<ChatTemplate> parse(std::string source);

  // kInvalidInput when messages are no list of objects, when the template refuses the conversation
  // (raise_exception), uses what is undefined or of a wrong type; kUnsupported at a limit.
  Result<RenderedChat> render(const ChatTemplateInput& input) const;

  const std::string& source() const { return source_; }
  // Whether {% generation %} blocks mark the assistant's text.
  bool has_markers() const;

  // The source of a template for models that have none: "chatml", "alpaca", "vicuna", "llama-2",
  // "llama-3", "mistral", "zephyr", "gemma", "phi-3", "falcon", "command-r".
  static std::optional<std::string> builtin(std::string_view name);
  static std::vector<std::string> builtin_names();

 private:
  ChatTemplate(std::string source, std::shared_ptr<const jinja::ParsedTemplate> parsed)
      : source_(std::move(source)), parsed_(std::move(parsed)) {}

  std::string source_;
  std::shared_ptr<const jinja::ParsedTemplate> parsed_;
};

}  // namespace attune::text
