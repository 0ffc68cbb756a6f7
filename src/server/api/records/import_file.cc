// POST /api/attune/v1/datasets/{id}/import: a file in any published layout (data/import.h), as it
// is, becomes records of the data set; the counterpart of the export.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "data/import.h"
#include "server/api/endpoints.h"
#include "server/api/records/example_records.h"
#include "server/api/records/record_access.h"
#include "server/api/records/record_body.h"
#include "server/api/records/records_bulk.h"
#include "server/api/schema_check.h"
#include "server/api/transaction.h"

namespace attune::api {
namespace {

struct Asked {
  const data::ImportFormat* format = nullptr;  // null: by the columns
  data::ImportOptions options;
};

Answer<Asked> read_query(const Call& call) {
  const OrderedJson json = query_json(call.request.query, {"languages"});
  SchemaReader query(json, "query");
  Asked asked;
  const std::string format = query.text_or("format", "auto");
  asked.options.question = query.text_or("question", "");
  asked.options.dataset = query.text_or("source_dataset", "");
  asked.options.licence = query.text_or("licence", "");
  if (query.given("languages")) asked.options.languages = query.texts("languages");
  query.no_others();
  TRY(query.done());
  if (format == "auto") return asked;
  const auto found = data::find_import_format(format);
  if (!found.ok()) return detail(422, found.error().message());
  asked.format = *found;
  return asked;
}

// Records go to the store in batches, each all or none; a failure ends the work.
class FileImport {
 public:
  FileImport(const Call& call, std::string dataset_id, ExampleTarget target)
      : call_(call), dataset_id_(std::move(dataset_id)), target_(std::move(target)) {}

  Status add(const data::Example& example) {
    OrderedJson record = TRY(fitting_record(example, target_.layout, target_.question_id));
    external_ids_.tell_apart(record);
    waiting_.push_back(std::move(record));
    return waiting_.size() < kRecordsPerBulk ? Status() : write();
  }

  Status write() {
    if (waiting_.empty()) return {};
    const Answer<int64_t> written =
        call_.services.ended ? Answer<int64_t>(server_ended())
                             : upsert_records(call_, dataset_id_, waiting_, "records.import");
    waiting_ = OrderedJson::array();
    if (!written.ok()) {
      failure_ = written.error();
      return invalid_input("refused");
    }
    records_ += written.value();
    return {};
  }

  int64_t records() const { return records_; }
  const std::optional<Failure>& failure() const { return failure_; }

 private:
  const Call& call_;
  std::string dataset_id_;
  ExampleTarget target_;
  ExternalIds external_ids_;
  OrderedJson waiting_ = OrderedJson::array();
  int64_t records_ = 0;
  std::optional<Failure> failure_;  // of a batch
};

Answer<http::Response> import_file(const Call& call) {
  const std::string id = TRY(call.path_id("dataset_id"));
  const Asked asked = TRY(read_query(call));
  const auto read = [&](store::Connection& connection) {
    return schema_for(call, connection, id, Right::kManage);
  };
  const domain::Schema schema = TRY(answer_read(call.database(), read));
  const auto target = target_of(schema);
  if (!target.ok()) return detail(422, target.error().message());
  FileImport work(call, id, *target);
  data::ImportReport report;
  const auto used = data::import_rows_in(
      call.request.body, "the file", asked.format, asked.options,
      [&work](const data::Example& example) { return work.add(example); }, &report);
  const Status rest = used.ok() ? work.write() : Status(used.error());
  if (work.failure()) return *work.failure();
  if (!rest.ok()) return detail(422, rest.error().message());
  OrderedJson account = {{"format", (*used)->name}, {"records", work.records()}};
  account.update(report.to_json());
  return http::json_response(200, account);
}

}  // namespace

void add_import_file_endpoints(Endpoints& endpoints) {
  endpoints.push_back({http::Method::kPost, "/api/attune/v1/datasets/{dataset_id}/import",
                       Access::kAdmins,
                       "A file in any published layout as records of the data set, with an account "
                       "of every row",
                       import_file});
}

}  // namespace attune::api
