#include "engine/train/model_output.h"

#include <functional>

#include "base/file.h"
#include "engine/models/save.h"

namespace attune::engine::train {
namespace {

std::string pretty(const Json& json) { return json.dump(2) + "\n"; }

Status write_tokenizer(const std::string& folder, const weights::ModelFiles& files,
                       const RunText& text) {
  const text::Tokenizer& tokenizer = text.tokenizer;
  TRY(write_file(join_path(folder, "tokenizer.json"), pretty(tokenizer.to_json())));
  Json config = files.tokenizer_config();
  if (!config.is_object()) config = Json::object();
  // Without one, Transformers would guess the class from the model's type.
  if (!config.contains("tokenizer_class") || files.format() != weights::ModelFormat::kFolder) {
    config["tokenizer_class"] = "PreTrainedTokenizerFast";
  }
  const auto name = [&](const char* key, std::optional<int32_t> id) {
    if (id) config[key] = tokenizer.id_to_token(*id);
  };
  name("bos_token", tokenizer.bos_id());
  name("eos_token", tokenizer.eos_id());
  name("pad_token", tokenizer.pad_id());
  name("unk_token", tokenizer.unk_id());
  TRY(write_file(join_path(folder, "tokenizer_config.json"), pretty(config)));
  if (text.chat_template.empty()) return {};
  return write_file(join_path(folder, "chat_template.jinja"), text.chat_template);
}

// Fills `folder` through a temporary one beside it.
Status replace_folder(const std::string& folder,
                      const std::function<Status(const std::string&)>& fill) {
  const std::string partial = folder + ".partial";
  TRY(remove_all(partial));
  const auto write = [&]() -> Status {
    TRY(fill(partial));
    TRY(sync_directory(partial));
    TRY(remove_all(folder));
    return rename_path(partial, folder);
  };
  const Status status = write();
  if (!status.ok()) (void)remove_all(partial);
  return status;
}

}  // namespace

Status save_model_folder(const std::string& folder, const weights::ModelFiles& files,
                         const RunText& text, models::Decoder& decoder) {
  return replace_folder(folder, [&](const std::string& partial) -> Status {
    TRY(models::save_decoder(decoder, files, partial));
    return write_tokenizer(partial, files, text);  // eos_token and chat_template_path may differ
  });
}

Status save_adapter_folder(const std::string& folder, const weights::ModelFiles& files,
                           const RunText& text, models::Decoder& decoder,
                           const std::string& adapter) {
  return replace_folder(folder, [&](const std::string& partial) -> Status {
    TRY(make_directories(partial));
    TRY(decoder.adapters().save(adapter, partial));
    return write_tokenizer(partial, files, text);
  });
}

}  // namespace attune::engine::train
