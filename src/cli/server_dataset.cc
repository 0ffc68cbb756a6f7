#include "cli/server_dataset.h"

#include <cstdlib>

#include "base/file.h"
#include "server/http/target.h"

namespace attune::cli {
namespace {

// A member, null where there is none.
const OrderedJson& member(const OrderedJson& object, const char* key) {
  static const OrderedJson nothing;
  return object.is_object() && object.contains(key) ? object.at(key) : nothing;
}

std::string as_text(const OrderedJson& value) {
  return value.is_string() ? value.get<std::string>() : to_line(value);
}

// "query.status.0: Input should be ..." of each mistake of a 422; "" where there are none.
std::string mistakes_of(const OrderedJson& detail) {
  std::string words;
  for (const OrderedJson& mistake : member(member(detail, "params"), "errors")) {
    std::string place;
    for (const OrderedJson& part : member(mistake, "loc")) {
      place += (place.empty() ? "" : ".") + as_text(part);
    }
    words += (words.empty() ? "" : "; ") + place + ": " + as_text(member(mistake, "msg"));
  }
  return words;
}

// What the server says in an answer that is no success.
std::string words_of(const HttpResponse& response) {
  const auto json = parse_ordered_json(response.body);
  if (!json.ok() || !json->is_object() || !json->contains("detail")) {
    return response.body.substr(0, 300);
  }
  const OrderedJson& detail = json->at("detail");
  const std::string mistakes = mistakes_of(detail);
  return mistakes.empty() ? as_text(detail) : mistakes;
}

Error refusal(const HttpResponse& response, const std::string& url) {
  const std::string words = words_of(response);
  if (response.status == 401) {
    return invalid_input("{}: the server does not know the key in ATTUNE_API_KEY ({})", url, words);
  }
  if (response.status == 403) {
    return invalid_input("{}: the key in ATTUNE_API_KEY may not do this ({})", url, words);
  }
  if (response.status == 404) return not_found("{}: {}", url, words);
  if (response.status >= 500) {
    return make_error(ErrorCode::kUnavailable, "{}: the server failed with status {} ({})", url,
                      response.status, words);
  }
  return invalid_input("{}: refused with status {}: {}", url, response.status, words);
}

Result<std::string> id_of_named(const OrderedJson& answer, const std::string& name) {
  for (const OrderedJson& item : answer.at("items")) {
    if (item.value("name", "") == name) return item.at("id").get<std::string>();
  }
  return std::string();
}

}  // namespace

bool is_address(std::string_view text) {
  return text.starts_with("http://") || text.starts_with("https://");
}

Result<ServerDataset> parse_server_dataset(const std::string& address) {
  const Error wrong = usage_error(
      "{}: a server's data set is named http://HOST:PORT/WORKSPACE/DATASET", address);
  if (!is_address(address)) return wrong;
  const size_t host = address.find("://") + 3;
  const size_t workspace = address.find('/', host);
  if (workspace == std::string::npos || workspace == host) return wrong;
  const size_t name = address.find('/', workspace + 1);
  if (name == std::string::npos || name == workspace + 1 || name + 1 == address.size()) {
    return wrong;
  }
  std::string_view rest = std::string_view(address).substr(name + 1);
  while (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.empty() || rest.find_first_of("/?#") != std::string_view::npos) return wrong;
  const auto workspace_name = http::percent_decoded(
      std::string_view(address).substr(workspace + 1, name - workspace - 1));
  const auto dataset_name = http::percent_decoded(rest);
  if (!workspace_name.ok() || !dataset_name.ok()) return wrong;
  return ServerDataset{address.substr(0, workspace), *workspace_name, *dataset_name};
}

ServerClient::ServerClient(std::string server, std::string key)
    : server_(std::move(server)), key_(std::move(key)), http_("") {}

Result<ServerClient> ServerClient::open(const std::string& server) {
  const char* key = std::getenv("ATTUNE_API_KEY");
  if (key == nullptr || *key == '\0') {
    return usage_error("set ATTUNE_API_KEY to a key of the server {}", server);
  }
  return ServerClient(server, key);
}

Result<HttpResponse> ServerClient::call(HttpCall call) {
  call.url = server_ + call.url;
  call.headers.push_back("X-Argilla-Api-Key: " + key_);
  call.headers.push_back("X-Attune-Client: attune");
  call.headers.push_back("Expect:");  // libcurl would wait for leave to send a long body
  if (!call.body.empty()) call.headers.push_back("Content-Type: application/json");
  HttpResponse response = TRY(http_.call(call));
  if (response.status >= 300 || response.status < 200) return refusal(response, call.url);
  return response;
}

Result<OrderedJson> ServerClient::get(const std::string& path) {
  const HttpResponse response = TRY(call({.url = path}));
  auto json = parse_ordered_json(response.body);
  if (!json.ok()) return json.error().with_context(server_ + path);
  return json;
}

Result<OrderedJson> ServerClient::send(const std::string& method, const std::string& path,
                                       const OrderedJson& body) {
  const HttpResponse response = TRY(
      call({.method = method, .url = path, .body = body.is_null() ? "" : to_line(body)}));
  if (response.body.empty()) return OrderedJson();
  auto json = parse_ordered_json(response.body);
  if (!json.ok()) return json.error().with_context(server_ + path);
  return json;
}

Status ServerClient::fetch(const std::string& path, const std::string& file) {
  const auto target = TRY(AtomicFile::create(file));  // what is wrong with the name, before it all
  TRY(call({.url = path, .to_file = target.get()}));
  return target->commit();
}

Result<std::string> ServerClient::workspace_id(const std::string& name) {
  return id_of_named(TRY(get("/api/v1/me/workspaces")), name);
}

Result<std::string> ServerClient::dataset_id(const ServerDataset& dataset) {
  const std::string workspace = TRY(workspace_id(dataset.workspace));
  if (workspace.empty()) return std::string();
  return id_of_named(TRY(get("/api/v1/me/datasets?workspace_id=" + workspace)), dataset.name);
}

Status export_dataset(const ServerDataset& dataset, const ExportQuery& query,
                      const std::string& file) {
  ServerClient client = TRY(ServerClient::open(dataset.server));
  const std::string id = TRY(client.dataset_id(dataset));
  if (id.empty()) {
    return not_found("{}: there is no data set {}/{} that this key may see", dataset.server,
                     dataset.workspace, dataset.name);
  }
  std::string path = "/api/attune/v1/datasets/" + id + "/export";
  char separator = '?';
  for (const auto& [name, value] : query) {
    if (value.empty()) continue;
    path += separator;
    path += name + "=" + http::percent_encoded(value);
    separator = '&';
  }
  return client.fetch(path, file);
}

}  // namespace attune::cli
