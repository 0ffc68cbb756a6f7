// Examples into a feedback server's data set: the records of
// server/api/records/example_records.h, sent to the API.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/server_dataset.h"
#include "data/example.h"
#include "server/api/records/example_records.h"

namespace attune::cli {

// Sends examples in batches. Where the server does not have the data set it is made, and published,
// so that the first batch fits (the most candidates of an example, a chat where one is); every
// further example must fit too. Sending a file again changes the records that it made, by their
// external ids (server/api/records/example_records.h).
class ServerImport {
 public:
  static Result<std::unique_ptr<ServerImport>> open(const std::string& address);
  Status add(const data::Example& example);
  // Sends what is left.
  struct Account {
    int64_t sent = 0;                    // records of this import
    std::optional<int64_t> in_all = {};  // that the data set has now, where the server says it
  };
  Result<Account> finish();
  // "WORKSPACE/DATASET"
  std::string name() const { return dataset_.workspace + "/" + dataset_.name; }

 private:
  ServerImport(ServerDataset dataset, ServerClient client)
      : dataset_(std::move(dataset)), client_(std::move(client)) {}
  Status begin();
  Status prepare(const api::RecordLayout& layout);
  Status put(const data::Example& example);
  Status create(const api::RecordLayout& layout);
  Status send();

  ServerDataset dataset_;
  ServerClient client_;
  std::string id_, question_id_;
  std::optional<api::RecordLayout> layout_;
  std::vector<data::Example> waiting_;  // until the layout is known
  std::vector<OrderedJson> batch_;
  api::ExternalIds external_ids_;
  int64_t sent_ = 0;
};

}  // namespace attune::cli
