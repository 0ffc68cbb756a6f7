#include "cli/hub_repository.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "data/rows.h"

namespace attune::cli {
namespace {

namespace fs = std::filesystem;

std::string environment(const char* name, std::string fallback = "") {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? fallback : value;
}

std::string hub_home() {
  return environment("HF_HOME", join_path(environment("HOME", "."), ".cache/huggingface"));
}

// Percent-encodes what has a meaning in an address; a revision's slashes are part of its name.
std::string encoded(const std::string& text, bool keep_slashes) {
  std::string out;
  for (unsigned char c : text) {
    bool plain = std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == '~';
    if (plain || (keep_slashes && c == '/')) {
      out += static_cast<char>(c);
    } else {
      out += fmt::format("%{:02X}", c);
    }
  }
  return out;
}

bool has_extension(const std::string& name, std::initializer_list<const char*> extensions) {
  return std::any_of(extensions.begin(), extensions.end(),
                     [&](const char* extension) { return name.ends_with(extension); });
}

}  // namespace

std::string Repository::api_url() const {
  const char* what = kind == HubKind::kModel ? "models" : "datasets";
  return fmt::format("{}/api/{}/{}/revision/{}", endpoint, what, name, encoded(revision, false));
}

std::string Repository::file_url(const std::string& commit, const std::string& file) const {
  const char* prefix = kind == HubKind::kModel ? "" : "datasets/";
  return fmt::format("{}/{}{}/resolve/{}/{}", endpoint, prefix, name, commit, encoded(file, true));
}

std::string Repository::folder() const {
  std::string flat = name;
  flat.replace(flat.find('/'), 1, "--");
  return join_path(cache, (kind == HubKind::kModel ? "models--" : "datasets--") + flat);
}

std::string Repository::snapshot(const std::string& commit) const {
  return join_path(folder(), "snapshots/" + commit);
}

std::string Repository::blob(const std::string& hash) const {
  return join_path(folder(), "blobs/" + hash);
}

std::string Repository::lock(const std::string& hash) const {
  std::string flat = fs::path(folder()).filename().string();
  return join_path(cache, fmt::format(".locks/{}/{}.lock", flat, hash));
}

std::string Repository::ref() const {
  return join_path(folder(), "refs/" + revision);
}

Result<Repository> repository_of(const HubRequest& request) {
  Repository repository{request.name, request.revision, request.kind, "", ""};
  size_t at = request.name.find('@');
  if (at != std::string::npos) {
    repository.name = request.name.substr(0, at);
    repository.revision = request.name.substr(at + 1);
  }
  if (!is_safe_file_name(repository.revision)) {
    return usage_error("{}: \"{}\" is no branch, tag or commit", repository.name,
                       repository.revision);
  }
  repository.endpoint = environment("HF_ENDPOINT", "https://huggingface.co");
  while (repository.endpoint.ends_with('/')) repository.endpoint.pop_back();
  repository.cache = environment("HF_HUB_CACHE", join_path(hub_home(), "hub"));
  return repository;
}

std::string hub_token() {
  std::string token = environment("HF_TOKEN");
  if (!token.empty()) return token;
  Result<std::string> stored =
      read_file(environment("HF_TOKEN_PATH", join_path(hub_home(), "token")));
  if (!stored.ok()) return "";
  size_t begin = stored->find_first_not_of(" \t\r\n");
  if (begin == std::string::npos) return "";
  return stored->substr(begin, stored->find_last_not_of(" \t\r\n") + 1 - begin);
}

bool is_safe_file_name(const std::string& name) {
  fs::path path(name);
  bool plain = !name.empty() && !name.ends_with('/') && path.is_relative() &&
               std::none_of(name.begin(), name.end(), [](unsigned char c) { return c < 32; });
  return plain && std::none_of(path.begin(), path.end(), [](const fs::path& part) {
           return part.empty() || part == "." || part == "..";
         });
}

std::vector<std::string> wanted_files(HubKind kind, const std::vector<std::string>& all) {
  std::vector<std::string> wanted;
  bool folder = std::find(all.begin(), all.end(), "config.json") != all.end();
  for (const std::string& name : all) {
    bool top = name.find('/') == std::string::npos;
    bool about = has_extension(name, {"dataset_infos.json", "dataset_info.json"});
    bool data = data::names_rows(name) && !about;
    bool model = top && (has_extension(name, {".json", ".safetensors", ".jinja", ".model"}) ||
                         (!folder && name.ends_with(".gguf")));
    if (kind == HubKind::kDataset ? data : model) wanted.push_back(name);
  }
  return wanted;
}

Error refused(const Repository& repository, const std::string& url, int status) {
  if (status == 401 || status == 403) {
    return make_error(ErrorCode::kUnavailable,
                      "{}: the hub refuses access ({}); check the name, set HF_TOKEN, and accept "
                      "the terms on its page if it has any",
                      repository.shown(), status);
  }
  if (status == 404) {
    return not_found(
        "{}: there is no such path here, and the hub has no such repository, revision or file "
        "({}); check the name",
        repository.shown(), url);
  }
  return make_error(ErrorCode::kUnavailable, "{}: the hub answered {} to {}; try again later",
                    repository.shown(), status, url);
}

}  // namespace attune::cli
