// Examples straight into the data base of a feedback server, for many of them: no HTTP, and where
// it is asked for, words are indexed once all rows are stored. The server may run meanwhile: its
// readers see each batch once it is stored, its writes take turns with the batches (on SQLite
// without a queue: pause()). Webhooks hear nothing of it; the audit log has a line for each batch.
//
// The data set must be there, with the fields and the question that records/example_records.h of
// server/api gives; rows become the same records as over HTTP, so sending a file again changes the
// records that it made.
#pragma once

#include <chrono>
#include <cstdint>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "server/api/records/example_records.h"
#include "server/domain/record_change.h"
#include "server/store/records.h"

namespace attune::cli {

struct StoreImportOptions {
  std::string database_url;  // as store::DatabaseOptions has it
  std::string workspace, dataset;
  // New records are not found by their words before finish() or index_stored() has indexed them.
  // When the process dies before that, the same import once more indexes what is left.
  bool defer_index = false;
  // Large batches leave fewer pieces of the text index to be merged; the writes of a server that
  // runs meanwhile wait some tenths of a second for one of them, and for more by chance (pause()).
  size_t records_per_write = 4000;
  // On SQLite: how long it writes before it lets others write.
  std::chrono::milliseconds pause_after{1000};
};

// Holds two batches: one that is written while the next is read. Not thread-safe.
class StoreImport {
 public:
  static Result<std::unique_ptr<StoreImport>> open(const StoreImportOptions& options);
  ~StoreImport();
  StoreImport(const StoreImport&) = delete;
  StoreImport& operator=(const StoreImport&) = delete;

  Status add(const data::Example& example);
  // Writes what is left, then indexes, also where writing failed. Gives the number of records.
  Result<int64_t> finish();
  // In place of finish() where the import ends by an error: rows that are not being written yet are
  // dropped, what is stored is indexed.
  Status index_stored();

 private:
  struct Batch {
    std::vector<domain::RecordChange> changes;
    std::vector<store::PreparedRecord> prepared;
  };

  explicit StoreImport(StoreImportOptions options) : options_(std::move(options)) {}
  std::string place() const { return options_.workspace + "/" + options_.dataset; }
  store::Indexing indexing() const {
    return options_.defer_index ? store::Indexing::kLater : store::Indexing::kNow;
  }
  Status find_dataset(store::Connection& connection);
  Status begin_write();
  Status end_write();
  Status write(Batch& batch);
  Status index();
  void pause();

  StoreImportOptions options_;
  std::unique_ptr<store::Database> database_;
  std::string dataset_id_, author_id_;
  api::ExampleTarget target_;
  api::ExternalIds external_ids_;
  Batch batch_, writing_;
  std::future<Status> written_;  // of `writing_`
  int64_t count_ = 0;
  std::chrono::steady_clock::time_point paused_ = std::chrono::steady_clock::now();
};

}  // namespace attune::cli
