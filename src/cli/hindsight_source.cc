#include "cli/hindsight_source.h"

#include "base/file.h"
#include "cli/model_source.h"
#include "cli/rows_io.h"
#include "cli/shipped_files.h"

namespace attune::cli {
namespace {

constexpr const char* kFile = "hindsight.json";

// Requests that are no conversation of the form which training takes are left as they are.
OrderedJson marked_messages(const OrderedJson& messages, const std::string& marker) {
  const auto example = data::parse_example({{"prompt", messages}});
  if (!example.ok()) return messages;  // the engine says what is wrong with it
  OrderedJson marked = OrderedJson::array();
  for (const data::Message& message :
       data::with_marker(std::get<data::Messages>(*example->prompt), marker)) {
    marked.push_back(message.raw);
  }
  return marked;
}

}  // namespace

Result<std::string> hindsight_templates_path(const std::string& given) {
  if (exists(given)) return given;
  const std::string shipped = shipped_path("examples/hindsight/" + given + ".json");
  if (!shipped.empty()) return shipped;
  return not_found(
      "hindsight_templates: \"{}\" is no file, and examples/hindsight has no {}.json; it has "
      "dialogue, webgpt, summary and ranking",
      given, given);
}

Result<data::HindsightTemplates> hindsight_templates_of(const Json& config) {
  const std::string given = text_of(config, "hindsight_templates");
  if (!given.empty()) {
    const std::string path = TRY(hindsight_templates_path(given));
    return data::read_hindsight_templates(path);
  }
  const std::string model = TRY(local_model(config));
  for (const std::string& folder : {text_of(config, "adapter"), model}) {
    const std::string path = join_path(folder, kFile);
    if (!folder.empty() && exists(path)) return data::read_hindsight_templates(path);
  }
  return not_found(
      "{}: has no {}, which `attune train hindsight` leaves beside a model; name its markers with "
      "--hindsight_templates (dialogue, webgpt, summary, ranking, or a file)",
      model, kFile);
}

OrderedJson with_positive_marker(OrderedJson request, const data::HindsightTemplates& templates) {
  if (request.contains("messages")) {
    request["messages"] = marked_messages(request["messages"], data::positive_marker(templates));
  } else if (request.contains("prompt") && request["prompt"].is_string()) {
    request["prompt"] = data::hindsight_prompt(templates, request["prompt"].get<std::string>());
  }
  return request;
}

}  // namespace attune::cli
