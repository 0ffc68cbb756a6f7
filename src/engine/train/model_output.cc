#include "engine/train/model_output.h"

#include <functional>

#include "base/file.h"
#include "base/json_file.h"
#include "engine/models/save.h"
#include "weights/model_text.h"

namespace attune::engine::train {
namespace {

Status write_tokenizer(const std::string& folder, const weights::ModelFiles& files,
                       const RunText& text) {
  const text::Tokenizer& tokenizer = text.tokenizer;
  TRY(write_json_file(join_path(folder, "tokenizer.json"), tokenizer.to_json()));
  Json config = text.tokenizer_config;
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
  TRY(write_json_file(join_path(folder, "tokenizer_config.json"), config));
  if (text.chat_template.empty()) return {};
  return write_file(join_path(folder, "chat_template.jinja"), text.chat_template);
}

// Another end of sequence than the model's has to stand in both of its configurations, or nobody
// who loads the folder would stop there. As TRL: first in the list of generation_config.json.
Status name_own_eos(const std::string& folder, const RunText& text) {
  const std::optional<int32_t> eos = text.tokenizer.eos_id();
  if (!text.own_eos || !eos) return {};
  const std::string config_path = join_path(folder, "config.json");
  Json config = TRY(read_json_file(config_path));
  config["eos_token_id"] = *eos;
  TRY(write_json_file(config_path, config));
  const std::string path = join_path(folder, "generation_config.json");
  if (!exists(path)) return {};
  Json generation = TRY(read_json_file(path));
  const Json before = generation.value("eos_token_id", Json());
  generation["eos_token_id"] = weights::with_eos_first(before, *eos);
  return write_json_file(path, generation);
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
                         const RunText& text, models::Decoder& decoder,
                         const FolderFinish& finish) {
  return replace_folder(folder, [&](const std::string& partial) -> Status {
    TRY(models::save_decoder(decoder, files, partial));
    TRY(name_own_eos(partial, text));
    TRY(write_tokenizer(partial, files, text));  // eos_token and chat_template_path may differ
    return finish ? finish(partial) : Status();
  });
}

Status save_adapter_folder(const std::string& folder, const weights::ModelFiles& files,
                           const RunText& text, models::Decoder& decoder,
                           const std::string& adapter, const FolderFinish& finish) {
  return replace_folder(folder, [&](const std::string& partial) -> Status {
    TRY(make_directories(partial));
    TRY(decoder.adapters().save(adapter, partial));
    TRY(write_tokenizer(partial, files, text));
    return finish ? finish(partial) : Status();
  });
}

}  // namespace attune::engine::train
