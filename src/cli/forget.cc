// attune forget: what a person said, or records, out of a server or a data directory, for good.

#include <cstdio>

#include "base/file.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/rows_io.h"
#include "cli/server_dataset.h"
#include "cli/trained_on.h"
#include "server/domain/identity.h"
#include "server/forgetting.h"
#include "server/http/target.h"

namespace attune::cli {
namespace {

recipes::Recipe table() {
  using namespace recipes;
  return {"forget",
          "attune forget",
          "Replaces records, or all that a person said, by tombstones: in rows, history, search "
          "and snapshots. There is no way back.",
          {string("server", nullptr,
                  "http://HOST:PORT of a running server, with --person; the key of ATTUNE_API_KEY "
                  "must be an owner's"),
           string("dataset", nullptr,
                  "whose records: http://HOST:PORT/WORKSPACE/DATASET, or WORKSPACE/DATASET with "
                  "--data_dir"),
           string("data_dir", nullptr, "of a server that does not run now, instead of an address"),
           string("database_url", nullptr, "of that server, where it is not SQLite"),
           string("person", nullptr, "user name or id; the id of one who was deleted"),
           list("record", nullptr, "ids of records"),
           list("runs", nullptr,
                "run directories: those that read such rows are listed with their checkpoints"),
           boolean("yes", false, "really do it")}};
}

struct Asked {
  std::string server, dataset, data_dir, database_url, person;
  std::vector<std::string> records, runs;
};

Result<Asked> read(const Json& config) {
  Asked asked{text_of(config, "server"), text_of(config, "dataset"), text_of(config, "data_dir"),
              text_of(config, "database_url"), text_of(config, "person"), {}, {}};
  for (const auto& [name, words] :
       {std::pair("record", &asked.records), std::pair("runs", &asked.runs)}) {
    if (config[name].is_null()) continue;
    for (const Json& word : config[name]) words->push_back(word.get<std::string>());
  }
  if (asked.person.empty() == asked.records.empty()) {
    return usage_error("name either --person, or --record with --dataset");
  }
  if (asked.records.empty() != asked.dataset.empty()) {
    return usage_error(
        "--record and --dataset go together; a person is forgotten in all data sets");
  }
  if (!asked.records.empty() && !asked.server.empty()) {
    return usage_error("--server goes with --person; a record's server is in --dataset's address");
  }
  const bool remote = is_address(asked.dataset) || !asked.server.empty();
  if (remote == !asked.data_dir.empty()) {
    return usage_error("name either a running server (--server for a person, the address of "
                       "--dataset for records) or the --data_dir of one that does not run");
  }
  if (!config["yes"].get<bool>()) {
    return usage_error("what is forgotten does not come back; add --yes to do it");
  }
  return asked;
}

// Exports name a record by its external id where it has one, or had one then: earlier versions know
// that, also of a record that was deleted.
Result<std::set<std::string>> names_of(ServerClient& client, const std::vector<std::string>& ids) {
  std::set<std::string> names(ids.begin(), ids.end());
  const auto add = [&](const OrderedJson& one) {
    if (one.at("external_id").is_string()) names.insert(one["external_id"]);
  };
  const auto is_gone = [](const Result<OrderedJson>& found) {
    return !found.ok() && found.error().code() == ErrorCode::kNotFound;
  };
  for (const std::string& id : ids) {
    const std::string word = http::percent_encoded(id);
    const auto record = client.get("/api/v1/records/" + word);
    if (!is_gone(record)) add(TRY(record));
    const auto versions = client.get("/api/attune/v1/records/" + word + "/versions");
    if (is_gone(versions)) continue;  // nothing is kept of it but in snapshots
    const OrderedJson kept = TRY(versions);
    for (const OrderedJson& one : kept.at("items")) add(one);
  }
  return names;
}

Result<OrderedJson> forget_records_at(const Asked& asked, WantedRows& wanted) {
  const ServerDataset dataset = TRY(parse_server_dataset(asked.dataset));
  ServerClient client = TRY(ServerClient::open(dataset.server));
  const std::string id = TRY(client.dataset_id(dataset));
  if (id.empty()) {
    return not_found("{}: there is no data set {}/{} that this key may see", dataset.server,
                     dataset.workspace, dataset.name);
  }
  wanted.records = TRY(names_of(client, asked.records));
  return client.send("POST", "/api/attune/v1/datasets/" + id + "/records/forget",
                     {{"record_ids", asked.records}});
}

Result<OrderedJson> forget_person_at(const Asked& asked, WantedRows& wanted) {
  ServerClient client = TRY(ServerClient::open(asked.server));
  wanted.annotator = asked.person;
  std::string id = domain::canonical_id(asked.person);
  const OrderedJson users = TRY(client.get("/api/v1/users"));
  for (const OrderedJson& user : users.at("items")) {
    const std::string name = user.at("username");
    if (name == asked.person) id = user.at("id");
    if (user.at("id") == id) wanted.annotator = name;
  }
  if (id.empty()) {
    return not_found("{}: there is nobody named {}; who was deleted is named by their id",
                     asked.server, asked.person);
  }
  return client.send("POST", "/api/attune/v1/users/" + id + "/forget", nullptr);
}

Result<OrderedJson> forget_here(const Asked& asked, WantedRows& wanted) {
  server::ForgettingRequest request;
  request.data_dir = asked.data_dir;
  request.database_url = asked.database_url;
  request.person = asked.person;
  request.record_ids = asked.records;
  if (!asked.records.empty()) {
    const size_t slash = asked.dataset.find('/');
    if (slash == std::string::npos) return usage_error("--dataset is named WORKSPACE/DATASET");
    request.workspace = asked.dataset.substr(0, slash);
    request.dataset = asked.dataset.substr(slash + 1);
  }
  const server::Forgotten forgotten = TRY(server::forget(request));
  wanted.annotator = forgotten.person_name;
  wanted.records = forgotten.record_names;
  return forgotten.counts;
}

Status tell_of_runs(const Asked& asked, const WantedRows& wanted) {
  for (const std::string& directory : asked.runs) {
    const TouchedRun run = TRY(trained_on(directory, wanted));
    for (const std::string& file : run.files) {
      fmt::print("{}: trained on it; {} still holds it\n", directory, file);
    }
    for (const std::string& file : run.unread) {
      fmt::print("{}: may have been trained on it; {} is not there any more\n", directory, file);
    }
    for (const std::string& folder : run.checkpoints) fmt::print("  checkpoint {}\n", folder);
  }
  return {};
}

}  // namespace

Status run_forget(Arguments arguments) {
  if (arguments.take_switch("help")) {
    std::fputs(recipes::to_help(table()).c_str(), stdout);
    return {};
  }
  const Json config = TRY(resolve_flags(table(), arguments));
  const Asked asked = TRY(read(config));
  // A wrong name among the runs is told before anything is done that cannot be taken back.
  for (const std::string& run : asked.runs) TRY(trained_on(run, {}));
  WantedRows wanted;
  OrderedJson counts;
  if (!asked.data_dir.empty()) {
    counts = TRY(forget_here(asked, wanted));
  } else if (!asked.person.empty()) {
    counts = TRY(forget_person_at(asked, wanted));
  } else {
    counts = TRY(forget_records_at(asked, wanted));
  }
  fmt::print("{}\n", to_line(counts));
  return tell_of_runs(asked, wanted);
}

}  // namespace attune::cli
