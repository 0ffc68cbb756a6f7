#include "cli/hub.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/sha256.h"
#include "cli/http_client.h"

namespace attune::cli {
namespace {

namespace fs = std::filesystem;

std::string environment(const char* name, std::string fallback = "") {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? fallback : value;
}

std::string cache_directory() {
  std::string cache = environment("HF_HUB_CACHE");
  if (!cache.empty()) return cache;
  std::string home = environment("HF_HOME");
  if (home.empty()) home = join_path(environment("HOME", "."), ".cache/huggingface");
  return join_path(home, "hub");
}

// One repository at one server, and its folder in the cache.
struct Repository {
  std::string name;
  std::string revision;
  HubKind kind;
  std::string endpoint;
  std::string folder;

  std::string api_url() const {
    const char* what = kind == HubKind::kModel ? "models" : "datasets";
    return fmt::format("{}/api/{}/{}/revision/{}", endpoint, what, name, revision);
  }
  std::string file_url(const std::string& commit, const std::string& file) const {
    const char* prefix = kind == HubKind::kModel ? "" : "datasets/";
    return fmt::format("{}/{}{}/resolve/{}/{}", endpoint, prefix, name, commit, file);
  }
  std::string shown() const { return name + "@" + revision; }
};

Repository repository_of(const HubRequest& request) {
  Repository repository{request.name, request.revision, request.kind, "", ""};
  size_t at = request.name.find('@');
  if (at != std::string::npos) {
    repository.name = request.name.substr(0, at);
    repository.revision = request.name.substr(at + 1);
  }
  repository.endpoint = environment("HF_ENDPOINT", "https://huggingface.co");
  while (repository.endpoint.ends_with('/')) repository.endpoint.pop_back();
  std::string flat = repository.name;
  flat.replace(flat.find('/'), 1, "--");
  const char* prefix = request.kind == HubKind::kModel ? "models--" : "datasets--";
  repository.folder = join_path(cache_directory(), prefix + flat);
  return repository;
}

Error refused(const Repository& repository, const std::string& url, int status) {
  if (status == 401 || status == 403) {
    return make_error(ErrorCode::kUnavailable,
                      "{}: the hub refuses access ({}); set HF_TOKEN, and accept the model's terms "
                      "on its page if it has any",
                      repository.shown(), status);
  }
  if (status == 404) {
    return not_found("{}: the hub has no such repository, revision or file ({}); check the name",
                     repository.shown(), url);
  }
  return make_error(ErrorCode::kUnavailable, "{}: the hub answered {} to {}; try again later",
                    repository.shown(), status, url);
}

// A file name of the server's list that may become a path below the snapshot.
bool is_safe_name(const std::string& name) {
  fs::path path(name);
  if (name.empty() || path.is_absolute()) return false;
  return std::none_of(path.begin(), path.end(), [](const fs::path& part) { return part == ".."; });
}

bool has_extension(const std::string& name, std::initializer_list<const char*> extensions) {
  return std::any_of(extensions.begin(), extensions.end(),
                     [&](const char* extension) { return name.ends_with(extension); });
}

std::vector<std::string> wanted_files(HubKind kind, const std::vector<std::string>& all) {
  std::vector<std::string> wanted;
  bool folder = std::find(all.begin(), all.end(), "config.json") != all.end();
  for (const std::string& name : all) {
    bool top = name.find('/') == std::string::npos;
    bool data = has_extension(name, {".jsonl", ".json", ".csv"});
    bool model = top && (has_extension(name, {".json", ".safetensors", ".jinja", ".model"}) ||
                         (!folder && name.ends_with(".gguf")));
    if (kind == HubKind::kDataset ? data : model) wanted.push_back(name);
  }
  return wanted;
}

// Git's name of a file's contents: SHA-1 of "blob <size>\0" and the bytes.
std::string git_blob_sha1(std::string_view bytes) {
  std::string head = fmt::format("blob {}", bytes.size());
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  bool good = EVP_DigestInit_ex(context, EVP_sha1(), nullptr) == 1 &&
              EVP_DigestUpdate(context, head.c_str(), head.size() + 1) == 1 &&
              EVP_DigestUpdate(context, bytes.data(), bytes.size()) == 1 &&
              EVP_DigestFinal_ex(context, digest, &size) == 1;
  EVP_MD_CTX_free(context);
  CHECK(good, "libcrypto cannot compute SHA-1");
  std::string text;
  for (unsigned int i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

Status verify(const std::string& path, const std::string& name, const std::string& etag) {
  MappedFile file = TRY(MappedFile::open(path));
  std::string found;
  if (etag.size() == 64) found = sha256_hex(file.text());
  if (etag.size() == 40) found = git_blob_sha1(file.text());
  if (found.empty() || found == etag) return {};
  TRY(remove_all(path));
  return make_error(
      ErrorCode::kUnavailable,
      "{}: the download's hash is {}, the hub announced {}; it was thrown away, try again", name,
      found, etag);
}

std::string unquoted_etag(const HttpResponse& head) {
  auto linked = head.headers.find("x-linked-etag");
  auto plain = head.headers.find("etag");
  std::string etag = linked != head.headers.end()   ? linked->second
                     : plain != head.headers.end() ? plain->second
                                                   : "";
  if (etag.starts_with("W/")) etag = etag.substr(2);
  std::erase(etag, '"');
  bool hex = !etag.empty() && etag.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
  return hex ? etag : "";
}

// Brings one file into blobs/ and links it into the snapshot.
Status fetch_file(HttpClient& http, const Repository& repository, const std::string& commit,
                  const std::string& name) {
  std::string link = join_path(repository.folder, "snapshots/" + commit + "/" + name);
  if (exists(link)) return {};
  std::string url = repository.file_url(commit, name);
  HttpResponse head = TRY(http.head(url));
  if (head.status >= 400) return refused(repository, url, head.status);
  std::string etag = unquoted_etag(head);
  if (etag.empty()) {
    return make_error(ErrorCode::kUnavailable, "{}: the hub sends no hash for {}",
                      repository.shown(), name);
  }
  std::string blob = join_path(repository.folder, "blobs/" + etag);
  std::string partial = blob + ".incomplete";
  if (!exists(blob)) {
    uint64_t offset = exists(partial) ? TRY(file_size_bytes(partial)) : 0;
    log_info("downloading {} of {}{}", name, repository.shown(), offset > 0 ? " (continued)" : "");
    HttpResponse got = TRY(http.download(url, partial, offset));
    bool whole_already = got.status == 416;  // nothing is left to send
    if (got.status >= 400 && !whole_already) return refused(repository, url, got.status);
    TRY(verify(partial, name, etag));
    TRY(rename_path(partial, blob));
  }
  TRY(make_directories(fs::path(link).parent_path().string()));
  fs::path target = fs::relative(blob, fs::path(link).parent_path());
  std::error_code failure;
  fs::create_symlink(target, link, failure);
  if (failure) return io_error("{}: cannot link to {}: {}", link, blob, failure.message());
  return {};
}

struct Listing {
  std::string commit;
  std::vector<std::string> files;
};

Result<Listing> list_repository(HttpClient& http, const Repository& repository) {
  HttpResponse response = TRY(http.get(repository.api_url()));
  if (response.status >= 400) return refused(repository, repository.api_url(), response.status);
  Result<Json> parsed = parse_json(response.body);
  const Json* siblings = parsed.ok() ? find(*parsed, "siblings") : nullptr;
  bool good =
      parsed.ok() && get_string(*parsed, "sha").ok() && siblings != nullptr && siblings->is_array();
  if (!good) {
    return make_error(ErrorCode::kUnavailable, "{}: is no answer of a hub; check HF_ENDPOINT",
                      repository.api_url());
  }
  Listing listing{(*parsed)["sha"].get<std::string>(), {}};
  if (listing.commit.find_first_of("/.") != std::string::npos || listing.commit.empty()) {
    return invalid_input("{}: the hub's commit name is not safe", repository.shown());
  }
  for (const Json& sibling : *siblings) {
    std::string name = sibling.is_object() ? sibling.value("rfilename", "") : "";
    if (!is_safe_name(name))
      return invalid_input("{}: the hub lists an unsafe file name", repository.shown());
    listing.files.push_back(name);
  }
  return listing;
}

// A snapshot of an earlier, complete download.
Result<std::string> cached_snapshot(const Repository& repository, const std::string& why) {
  Result<std::string> commit =
      read_file(join_path(repository.folder, "refs/" + repository.revision));
  std::string name = commit.ok() ? *commit : repository.revision;
  std::string folder = join_path(repository.folder, "snapshots/" + name);
  if (is_directory(folder)) return folder;
  return make_error(ErrorCode::kUnavailable, "{}: {}, and the cache {} has no copy",
                    repository.shown(), why, cache_directory());
}

}  // namespace

bool is_hub_name(std::string_view text) {
  size_t slash = text.find('/');
  if (slash == std::string_view::npos || slash == 0) return false;
  std::string_view rest = text.substr(slash + 1);
  std::string_view name = rest.substr(0, rest.find('@'));
  auto plain = [](std::string_view part) {
    return !part.empty() && part.front() != '.' &&
           std::all_of(part.begin(), part.end(), [](unsigned char c) {
             return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
           });
  };
  bool revision_fits = rest.size() == name.size() || rest.size() > name.size() + 1;
  return plain(text.substr(0, slash)) && plain(name) && revision_fits;
}

Result<std::string> download_snapshot(const HubRequest& request) {
  Repository repository = repository_of(request);
  std::string offline = environment("HF_HUB_OFFLINE", "0");
  if (offline != "0" && offline != "false")
    return cached_snapshot(repository, "HF_HUB_OFFLINE is set");
  HttpClient http(environment("HF_TOKEN"));
  Result<Listing> listing = list_repository(http, repository);
  if (!listing.ok()) {
    Result<std::string> cached = cached_snapshot(repository, listing.error().message());
    bool answered = listing.error().code() == ErrorCode::kNotFound;
    if (cached.ok() && !answered) {
      log_warning("{}; using the cached copy", listing.error().message());
      return cached;
    }
    return listing.error();
  }
  std::vector<std::string> files = wanted_files(repository.kind, listing->files);
  if (files.empty()) {
    return not_found("{}: holds nothing that Attune reads (safetensors, GGUF, JSON lines, CSV)",
                     repository.shown());
  }
  TRY(make_directories(join_path(repository.folder, "blobs")));
  for (const std::string& file : files) TRY(fetch_file(http, repository, listing->commit, file));
  std::string ref = join_path(repository.folder, "refs/" + repository.revision);
  TRY(make_directories(fs::path(ref).parent_path().string()));
  TRY(write_file(ref, listing->commit));  // last: a ref names only complete snapshots
  return join_path(repository.folder, "snapshots/" + listing->commit);
}

}  // namespace attune::cli
