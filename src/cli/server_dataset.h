// Data sets of a feedback server, named as http://HOST:PORT/WORKSPACE/DATASET (https too). The key
// is that of ATTUNE_API_KEY; it goes to that host alone.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "cli/http_client.h"

namespace attune::cli {

struct ServerDataset {
  std::string server;  // "http://127.0.0.1:6900"
  std::string workspace, name;
};

// Whether a text is the address of something, rather than a file or a hub's name.
bool is_address(std::string_view text);
// kUsage where it is not of the form above; %20 and the like in names are understood.
Result<ServerDataset> parse_server_dataset(const std::string& address);

// One server, one key. Not thread-safe. Errors hold what the server said and what to do.
class ServerClient {
 public:
  static Result<ServerClient> open(const std::string& server);

  // `path` begins with "/api/". The answer's JSON; an answer of 400 and above is an error.
  Result<OrderedJson> get(const std::string& path);
  Result<OrderedJson> send(const std::string& method, const std::string& path,
                           const OrderedJson& body);
  // The answer's bytes, to the file; whole or not at all (AtomicFile: its rights are kept, and a
  // link that leads to a file; one that leads nowhere is replaced). A device hears what comes.
  Status fetch(const std::string& path, const std::string& file);

  // The id of a workspace or data set by its name; "" where there is none.
  Result<std::string> workspace_id(const std::string& name);
  Result<std::string> dataset_id(const ServerDataset& dataset);

 private:
  ServerClient(std::string server, std::string key);
  Result<HttpResponse> call(HttpCall call);

  std::string server_, key_;
  HttpClient http_;
};

// Query of an export: {"format","rankings"}, ...; values that are empty are left out.
using ExportQuery = std::vector<std::pair<std::string, std::string>>;
// Writes what the server exports of the data set to the file. kNotFound for a data set that the
// server does not have, or does not show to this key.
Status export_dataset(const ServerDataset& dataset, const ExportQuery& query,
                      const std::string& file);

}  // namespace attune::cli
