#include "cli/store_import.h"

#include <thread>

#include "base/log.h"
#include "server/api/records/record_body.h"
#include "server/api/records/record_check.h"
#include "server/api/schema_check.h"
#include "server/api/transaction.h"
#include "server/store/audit.h"
#include "server/store/datasets.h"
#include "server/store/users.h"

namespace attune::cli {
namespace {

// Longer than the time after which SQLite's busy handler asks again.
constexpr std::chrono::milliseconds kPause{120};

std::string text_of_failure(const api::Failure& failure) {
  const auto detail = failure.body.find("detail");
  const bool plain = detail != failure.body.end() && detail->is_string();
  return plain ? detail->get<std::string>() : to_line(failure.body);
}

// Read and checked as the server reads what comes over HTTP.
Result<domain::RecordChange> change_of(const OrderedJson& record, const std::string& author_id) {
  api::SchemaReader reader(record, "row");
  domain::RecordChange change =
      api::read_record_change(reader, api::RecordVerb::kUpsert, author_id);
  const api::Answer<void> read = reader.done();
  if (!read.ok()) return invalid_input("{}", text_of_failure(read.error()));
  return change;
}

}  // namespace

Result<std::unique_ptr<StoreImport>> StoreImport::open(const StoreImportOptions& options) {
  std::unique_ptr<StoreImport> import(new StoreImport(options));
  store::DatabaseOptions database;
  database.url = options.database_url;
  database.readers = database.writers = 1;
  import->database_ = TRY(store::Database::open(database));
  TRY(import->database_->read(
      [&](store::Connection& connection) { return import->find_dataset(connection); }));
  return import;
}

StoreImport::~StoreImport() {
  if (written_.valid()) written_.wait();
}

Status StoreImport::find_dataset(store::Connection& connection) {
  const auto workspace = TRY(store::find_workspace_named(connection, options_.workspace));
  store::DatasetFilter filter;
  filter.name = options_.dataset;
  if (workspace) filter.workspace_id = workspace->id;
  const auto found = TRY(store::list_datasets(connection, filter));
  if (!workspace || found.empty()) {
    return not_found("{}: this data base has no such data set; make it first, or let `--dataset "
                     "http://HOST:PORT/WORKSPACE/NAME` make it",
                     place());
  }
  dataset_id_ = found[0].id;
  const auto schema = TRY(store::load_schema(connection, dataset_id_));
  auto target = api::target_of(*schema);
  if (!target.ok()) return target.error().with_context(place());
  if (!schema->dataset.published) {
    return conflict("{}: it is not published yet, so that it takes no records", place());
  }
  target_ = std::move(*target);
  const auto owner = TRY(store::first_owner(connection));
  author_id_ = owner ? owner->id : "";
  return {};
}

Status StoreImport::add(const data::Example& example) {
  Result<OrderedJson> record =
      api::fitting_record(example, target_.layout, target_.question_id);
  if (!record.ok()) return record.error().with_context(place());
  external_ids_.tell_apart(*record);
  auto change = change_of(*record, author_id_);
  if (!change.ok()) return change.error().with_context(place());
  batch_.changes.push_back(std::move(*change));
  batch_.prepared.push_back(store::prepare(batch_.changes.back(), indexing()));
  return batch_.changes.size() < options_.records_per_write ? Status() : begin_write();
}

Status StoreImport::begin_write() {
  TRY(end_write());
  writing_ = std::move(batch_);
  batch_ = {};
  written_ = std::async(std::launch::async, [this] { return write(writing_); });
  return {};
}

Status StoreImport::end_write() { return written_.valid() ? written_.get() : Status(); }

Status StoreImport::write(Batch& batch) {
  std::vector<domain::RecordChange>& changes = batch.changes;
  const auto body = [&](store::Connection& connection) -> api::Answer<void> {
    const auto schema = TRY(store::load_schema(connection, dataset_id_));
    if (!schema) return api::detail(404, "the data set was deleted meanwhile");
    const auto matched = TRY(store::match_records(connection, *schema, changes));
    TRY(api::check_record_changes(connection, *schema, changes, matched));
    std::vector<store::RecordWrite> writes;
    for (size_t i = 0; i < changes.size(); ++i) {
      writes.push_back({&changes[i], matched[i] ? &*matched[i] : nullptr, &batch.prepared[i]});
    }
    TRY(store::write_records(connection, *schema, writes,
                             {.author_id = author_id_, .client = "attune import"}, indexing()));
    // As of HTTP's, but that nobody is logged in: the address says which command it was.
    store::AuditEntry entry;
    entry.action = "records.import";
    entry.subject = dataset_id_;
    entry.detail = {{"records", changes.size()}};
    entry.remote_address = "attune import";
    TRY(store::insert_audit_entry(connection, entry));
    return {};
  };
  const auto written = api::answer_write(*database_, body);
  if (!written.ok()) {
    const api::Failure& failure = written.error();
    if (failure.cause) return *failure.cause;
    return invalid_input("{}: rows {} to {} of those that give an example: {}", place(), count_ + 1,
                         count_ + static_cast<int64_t>(changes.size()), text_of_failure(failure));
  }
  count_ += static_cast<int64_t>(changes.size());
  pause();
  return {};
}

// Between processes SQLite has no queue: who waits asks again, every 100 ms at last, and would
// seldom meet the moment between two batches. So we let go for longer than that now and then.
void StoreImport::pause() {
  if (database_->dialect() != store::Dialect::kSqlite) return;
  if (std::chrono::steady_clock::now() - paused_ < options_.pause_after) return;
  std::this_thread::sleep_for(kPause);
  paused_ = std::chrono::steady_clock::now();
}

// The next words are read and folded while some are written.
Status StoreImport::index() {
  const auto read_behind = [&](int64_t after) {
    return database_->read([&](store::Connection& c) -> Result<store::MissingTexts> {
      const auto schema = TRY(store::load_schema(c, dataset_id_));
      if (!schema) return not_found("{}: the data set was deleted meanwhile", place());
      return store::missing_texts(c, *schema, after,
                                  static_cast<int64_t>(options_.records_per_write));
    });
  };
  store::MissingTexts next = TRY(read_behind(0));
  while (next.last) {
    const store::MissingTexts missing = std::move(next);
    std::future<Status> indexed = std::async(std::launch::async, [&] {
      return database_->write([&](store::Connection& c) -> Status {
        const auto schema = TRY(store::load_schema(c, dataset_id_));
        if (!schema) return not_found("{}: the data set was deleted meanwhile", place());
        return store::index_missing(c, *schema, missing);
      });
    });
    auto read = read_behind(*missing.last);
    TRY(indexed.get());
    pause();
    next = TRY(std::move(read));
  }
  return {};
}

Result<int64_t> StoreImport::finish() {
  Status stored = batch_.changes.empty() ? Status() : begin_write();
  if (stored.ok()) stored = end_write();
  const Status indexed = index_stored();
  TRY(stored);
  TRY(indexed);
  return count_;
}

Status StoreImport::index_stored() {
  batch_ = {};
  (void)end_write();  // an error that came before this one is what the caller reports
  if (!options_.defer_index || count_ == 0) return {};
  log_info("{} records are stored; their words are indexed now", count_);
  return index();
}

}  // namespace attune::cli
