// Bodies of requests about records: bulk writes and searches of strangers. The first byte chooses
// which; the rest is the body (or, of the older filters, a value of the query string).
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "server/api/records/record_body.h"
#include "server/api/records/record_check.h"
#include "server/api/search/search_body.h"
#include "server/domain/schema_fixture.h"

namespace {

using namespace attune;

// A data base in which nothing is.
class EmptyConnection : public store::Connection {
 public:
  store::Dialect dialect() const override { return store::Dialect::kSqlite; }
  Result<store::Rows> run(std::string_view, std::span<const store::Value>) override {
    return store::Rows();
  }
  Status each(std::string_view, std::span<const store::Value>,
              const std::function<Status(const store::Row&)>&) override {
    return {};
  }
  int64_t changed() const override { return 0; }
  Status run_script(const std::string&) override { return {}; }
};

void read_bulk(const OrderedJson& body, api::RecordVerb verb) {
  static const domain::Schema schema = domain::schema_of_everything();
  auto changes = api::read_record_changes(body, verb, api::kRecordsPerBulk, "someone");
  if (!changes.ok()) return;
  EmptyConnection connection;
  const std::vector<std::optional<domain::Record>> matched(changes.value().size());
  (void)api::check_record_changes(connection, schema, changes.value(), matched).ok();
}

void read_a_search(const OrderedJson& body) {
  static const domain::Schema schema = domain::schema_of_everything();
  EmptyConnection connection;
  domain::SearchQuery query;
  (void)api::read_search(body, schema, connection, query).ok();
}

void read_filters(std::string_view text) {
  static const domain::Schema schema = domain::schema_of_everything();
  for (const char* name : {"metadata", "sort_by", "response_status"}) {
    http::Query parameters;
    parameters.add(name, std::string(text));
    domain::SearchQuery query;
    (void)api::read_older_filters(parameters, schema, query).ok();
  }
  (void)api::canonical_time(text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 4 == 3) {
    read_filters(text);
    return 0;
  }
  const auto body = parse_ordered_json(text);
  if (!body.ok()) return 0;
  if (data[0] % 4 == 0) read_bulk(*body, api::RecordVerb::kUpsert);
  if (data[0] % 4 == 1) read_bulk(*body, api::RecordVerb::kCreate);
  if (data[0] % 4 == 2) read_a_search(*body);
  return 0;
}
