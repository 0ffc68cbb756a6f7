#include "cli/hub.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "cli/http_client.h"
#include "cli/hub_file.h"
#include "cli/hub_repository.h"

namespace attune::cli {
namespace {

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
    Result<std::string> name = get_string(sibling, "rfilename");
    if (!name.ok() || !is_safe_file_name(*name))
      return invalid_input("{}: the hub lists an unsafe file name", repository.shown());
    listing.files.push_back(std::move(*name));
  }
  return listing;
}

// A snapshot of an earlier, complete download.
Result<std::string> cached_snapshot(const Repository& repository, const std::string& why) {
  Result<std::string> commit = read_file(repository.ref());
  std::string folder = repository.snapshot(commit.ok() ? *commit : repository.revision);
  if (is_directory(folder)) return folder;
  return make_error(ErrorCode::kUnavailable, "{}: {}, and the cache {} has no copy",
                    repository.shown(), why, repository.cache);
}

bool is_offline() {
  const char* value = std::getenv("HF_HUB_OFFLINE");
  std::string text = value == nullptr ? "" : value;
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text == "1" || text == "true" || text == "yes" || text == "on";
}

bool is_plain_part(std::string_view part) {
  return !part.empty() && part.front() != '.' &&
         std::all_of(part.begin(), part.end(), [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
         });
}

}  // namespace

bool is_hub_name(std::string_view text) {
  size_t slash = text.find('/');
  if (slash == std::string_view::npos || slash == 0) return false;
  std::string_view rest = text.substr(slash + 1);
  std::string_view name = rest.substr(0, rest.find('@'));
  bool revision_fits = rest.size() == name.size() || rest.size() > name.size() + 1;
  return is_plain_part(text.substr(0, slash)) && is_plain_part(name) && revision_fits;
}

Result<std::string> download_snapshot(const HubRequest& request) {
  Repository repository = TRY(repository_of(request));
  if (is_offline()) return cached_snapshot(repository, "HF_HUB_OFFLINE is set");
  HttpClient http(hub_token());
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
    return not_found(
        "{}: holds nothing that Attune reads (safetensors, GGUF, JSON lines, CSV, Parquet)",
        repository.shown());
  }
  TRY(make_directories(repository.blob("")));
  for (const std::string& file : files) {
    TRY(fetch_hub_file(http, repository, listing->commit, file));
  }
  TRY(make_directories(std::filesystem::path(repository.ref()).parent_path().string()));
  TRY(write_file(repository.ref(), listing->commit));  // last: it names a complete snapshot
  return repository.snapshot(listing->commit);
}

}  // namespace attune::cli
