#include "engine/train/run_text.h"

#include <algorithm>

#include "base/file.h"
#include "text/chat_template.h"
#include "weights/model_text.h"

namespace attune::engine::train {
namespace {

// The id of the token that `option` names, or `fallback` when the option is not set.
Result<std::optional<int32_t>> chosen_token(const Json& config, const char* option,
                                            const text::Tokenizer& tokenizer,
                                            std::optional<int32_t> fallback) {
  const std::string token = TRY(get_string_or(config, option, ""));
  if (token.empty()) return fallback;
  const std::optional<int32_t> id = tokenizer.token_to_id(token);
  if (!id) return invalid_input("{}: \"{}\" is no token of the model's vocabulary", option, token);
  return id;
}

}  // namespace

Result<RunText> load_run_text(const weights::ModelFiles& files, const Json& config,
                              const std::string& adapter) {
  weights::ModelText model = TRY(weights::load_model_text(files, adapter));
  RunText text{model.tokenizer, model.chat_template, model.own_eos, model.tokenizer_config};
  const text::Tokenizer own = text.tokenizer;
  const auto eos = TRY(chosen_token(config, "eos_token", own, own.eos_id()));
  const auto pad = TRY(chosen_token(config, "pad_token", own, own.pad_id()));
  text.tokenizer = own.with_special_ids(
      {.bos = own.bos_id(), .eos = eos, .pad = pad, .unk = own.unk_id()});
  text.own_eos = text.own_eos || eos != own.eos_id();
  std::string where = adapter.empty() ? files.path() : adapter;
  const std::string given = TRY(get_string_or(config, "chat_template", ""));
  const std::string path = TRY(get_string_or(config, "chat_template_path", ""));
  if (!given.empty() && !path.empty()) {
    return invalid_input("chat_template and chat_template_path exclude each other");
  }
  if (!given.empty()) {
    where = "chat_template";
    text.chat_template = given;
  }
  if (!path.empty()) {
    where = "chat_template_path: " + path;
    const auto file = read_file(path);
    if (!file.ok()) return file.error().with_context("chat_template_path");
    text.chat_template = *file;
  }
  if (text.chat_template.empty()) return text;
  const auto parsed = text::ChatTemplate::parse(text.chat_template);
  if (!parsed.ok()) return parsed.error().with_context(where + ": the chat template");
  return text;
}

std::vector<int32_t> stop_ids(const RunText& text, const weights::ModelFiles& files) {
  std::vector<int32_t> ids;
  if (text.tokenizer.eos_id()) ids.push_back(*text.tokenizer.eos_id());
  const Json* eos = find(files.generation_config(), "eos_token_id");
  if (eos == nullptr) return ids;
  for (const Json& id : eos->is_array() ? *eos : Json::array({*eos})) {
    if (!id.is_number_integer()) continue;
    const auto value = id.get<int32_t>();
    if (std::find(ids.begin(), ids.end(), value) == ids.end()) ids.push_back(value);
  }
  return ids;
}

}  // namespace attune::engine::train
