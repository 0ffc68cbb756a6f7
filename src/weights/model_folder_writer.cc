#include "weights/model_folder_writer.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/file.h"
#include "base/json_file.h"

namespace attune::weights {
namespace {

Status write_json(const std::string& folder, const char* name, const Json& value) {
  if (value.is_null()) return {};
  return write_json_file(join_path(folder, name), value);
}

// Groups in order, each up to the limit (or one tensor).
Result<std::vector<std::vector<TensorSpec>>> cut_shards(const ModelFolder& folder) {
  std::vector<std::vector<TensorSpec>> shards(1);
  uint64_t filled = 0;
  for (const TensorSpec& spec : folder.tensors) {
    Result<size_t> bytes = byte_count(spec.dtype, spec.shape);
    if (!bytes.ok()) return bytes.error().with_context("tensor " + spec.name);
    if (filled > 0 && filled + *bytes > folder.shard_bytes) {
      shards.emplace_back();
      filled = 0;
    }
    shards.back().push_back(spec);
    filled += *bytes;
  }
  return shards;
}

Status write_shard(const std::string& path, const std::vector<TensorSpec>& specs,
                   const TensorSource& source) {
  auto writer = TRY(SafetensorsWriter::create(path, specs, {{"format", "pt"}}));
  for (const TensorSpec& spec : writer->order()) {
    TRY(source(spec, [&](std::span<const uint8_t> bytes) { return writer->append(bytes); }));
  }
  return writer->finish();
}

Status write_weights(const std::string& folder, const ModelFolder& model,
                     const TensorSource& source) {
  auto shards = TRY(cut_shards(model));
  if (shards.size() == 1) {
    return write_shard(join_path(folder, "model.safetensors"), shards[0], source);
  }
  Json map = Json::object();
  uint64_t total = 0;
  for (size_t i = 0; i < shards.size(); ++i) {
    std::string name = fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, shards.size());
    TRY(write_shard(join_path(folder, name), shards[i], source));
    for (const TensorSpec& spec : shards[i]) {
      map[spec.name] = name;
      total += TRY(byte_count(spec.dtype, spec.shape));
    }
  }
  Json index = {{"metadata", {{"total_size", total}}}, {"weight_map", std::move(map)}};
  return write_json(folder, "model.safetensors.index.json", index);
}

bool is_taken(const std::string& path) {
  std::error_code ignored;
  if (!exists(path)) return false;
  return !is_directory(path) || !std::filesystem::is_empty(path, ignored);
}

// A folder that is being filled. It is locked meanwhile, which tells it from one that a killed
// process left behind.
class PartialFolder {
 public:
  explicit PartialFolder(const std::string& place)
      : path_(fmt::format("{}.partial-{}", place, ::getpid())) {}
  ~PartialFolder() {
    if (fd_ < 0) return;
    (void)remove_all(path_);  // after a rename it is gone
    ::close(fd_);
  }
  PartialFolder(const PartialFolder&) = delete;
  PartialFolder& operator=(const PartialFolder&) = delete;

  Status create() {
    TRY(remove_all(path_));
    TRY(make_directories(path_));
    fd_ = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd_ < 0) return io_error("{}: cannot open: {}", path_, std::strerror(errno));
    (void)::flock(fd_, LOCK_EX | LOCK_NB);  // a file system without locks loses only the sweeping
    return {};
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  int fd_ = -1;
};

// Whether `name` is what PartialFolder would call a folder of some process.
bool is_partial_name(std::string_view name, const std::string& stem) {
  const std::string begin = stem + ".partial-";
  if (!name.starts_with(begin) || name.size() == begin.size()) return false;
  return name.find_first_not_of("0123456789", begin.size()) == std::string_view::npos;
}

// Removes what killed processes left of the same place.
Status sweep(const std::string& place) {
  std::filesystem::path path(place);
  std::string parent = path.has_parent_path() ? path.parent_path().string() : ".";
  if (!is_directory(parent)) return {};
  for (const std::string& name : TRY(list_directory(parent))) {
    if (!is_partial_name(name, path.filename().string())) continue;
    std::string left = join_path(parent, name);
    int fd = ::open(left.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) continue;
    bool unused = ::flock(fd, LOCK_EX | LOCK_NB) == 0;
    Status removed = unused ? remove_all(left) : Status();
    ::close(fd);
    TRY(std::move(removed));
  }
  return {};
}

}  // namespace

void name_tokens(const text::Tokenizer& tokenizer, Json& tokenizer_config) {
  const std::pair<const char*, std::optional<int32_t>> roles[] = {
      {"bos_token", tokenizer.bos_id()},
      {"eos_token", tokenizer.eos_id()},
      {"pad_token", tokenizer.pad_id()},
      {"unk_token", tokenizer.unk_id()}};
  // Without a class Transformers would guess one from the model's type.
  if (!tokenizer_config.contains("tokenizer_class")) {
    tokenizer_config["tokenizer_class"] = "PreTrainedTokenizerFast";
  }
  for (const auto& [key, id] : roles) {
    if (id && !tokenizer_config.contains(key)) tokenizer_config[key] = tokenizer.id_to_token(*id);
  }
}

Status write_folder(const std::string& path,
                    const std::function<Status(const std::string&)>& fill) {
  std::string place = path;
  while (place.size() > 1 && place.ends_with('/')) place.pop_back();
  if (is_taken(place)) {
    return invalid_input("{}: there is something already; remove it or choose another place",
                         place);
  }
  TRY(sweep(place));
  PartialFolder partial(place);
  TRY(partial.create());
  TRY(fill(partial.path()));
  TRY(sync_directory(partial.path()));
  TRY(remove_all(place));
  return rename_path(partial.path(), place);
}

Status write_model_folder(const std::string& path, const ModelFolder& folder,
                          const TensorSource& source) {
  return write_folder(path, [&](const std::string& place) -> Status {
    TRY(write_json(place, "config.json", folder.config));
    TRY(write_json(place, "generation_config.json", folder.generation_config));
    TRY(write_json(place, "tokenizer.json", folder.tokenizer_json));
    TRY(write_json(place, "tokenizer_config.json", folder.tokenizer_config));
    if (!folder.chat_template.empty()) {
      TRY(write_file(join_path(place, "chat_template.jinja"), folder.chat_template));
    }
    return write_weights(place, folder, source);
  });
}

Result<ModelFolder> folder_like(const ModelFiles& files) {
  ModelFolder folder;
  folder.config = files.config();
  folder.config.erase("quantization_config");
  if (!files.generation_config().empty()) folder.generation_config = files.generation_config();
  folder.chat_template = files.chat_template();
  bool has_tokenizer = files.gguf_vocabulary() || !files.tokenizer_json_path().empty() ||
                       !files.sentencepiece_path().empty();
  if (!has_tokenizer) return folder;
  text::Tokenizer tokenizer = TRY(load_tokenizer(files));
  if (files.tokenizer_json_path().empty()) {
    folder.tokenizer_json = tokenizer.to_json();
  } else {
    folder.tokenizer_json = TRY(read_json_file(files.tokenizer_json_path()));
  }
  folder.tokenizer_config = files.tokenizer_config();
  name_tokens(tokenizer, folder.tokenizer_config);
  return folder;
}

}  // namespace attune::weights
