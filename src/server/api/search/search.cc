// Finding records: the list that SDKs page through, the search of a data set, and a person's own.
#include <unordered_map>

#include "server/api/endpoints.h"
#include "server/api/or_null.h"
#include "server/api/records/blindness.h"
#include "server/api/records/record_access.h"
#include "server/api/records/record_json.h"
#include "server/api/records/record_parts.h"
#include "server/api/search/search_body.h"
#include "server/api/transaction.h"
#include "server/store/search.h"

namespace attune::api {
namespace {

// The records of the hits, in their order; one that is gone from the page is left out.
Result<std::vector<domain::Record>> records_of(store::Connection& connection,
                                               const domain::Schema& schema,
                                               const domain::SearchResult& result,
                                               const store::RecordParts& parts) {
  std::vector<int64_t> positions;
  for (const domain::SearchHit& hit : result.hits) positions.push_back(hit.record);
  return store::records_at(connection, schema, positions, parts);
}

OrderedJson search_items(const std::vector<domain::Record>& records,
                         const domain::SearchResult& result, const store::RecordParts& parts) {
  std::unordered_map<int64_t, std::optional<double>> scores;
  for (const domain::SearchHit& hit : result.hits) scores[hit.record] = hit.score;
  OrderedJson items = OrderedJson::array();
  for (const domain::Record& record : records) {
    items.push_back({{"record", to_json(record, parts)},
                     {"query_score", or_null(scores.at(record.position))}});
  }
  return items;
}

void hide_from_caller(const Call& call, const domain::Schema& schema, bool blind,
                      std::vector<domain::Record>& records) {
  for (domain::Record& record : records) {
    if (!sees_all_metadata(call)) hide_metadata(schema, record);
    if (blind) hide_suggesters(record);
  }
}

// What both searches share; `own`: of the caller's answers alone, in the caller's own order.
Answer<http::Response> search(const Call& call, bool own) {
  const std::string dataset_id = TRY(call.path_id("dataset_id"));
  const PageQuery page = TRY(read_page(call.request.query));
  store::RecordParts parts = TRY(read_parts(call.request.query));
  const OrderedJson body =
      call.request.body.empty() ? OrderedJson::object() : TRY(call.body());
  const auto read = [&](store::Connection& connection) -> Answer<OrderedJson> {
    const domain::Schema schema = TRY(
        schema_for(call, connection, dataset_id, own ? Right::kRead : Right::kManage));
    domain::SearchQuery query;
    query.dataset = schema.dataset.position;
    query.offset = page.offset;
    query.limit = page.limit;
    if (own) query.answers_of = query.shuffled_for = parts.responses_of = call.user->id;
    TRY(read_search(body, schema, connection, query));
    TRY(read_older_filters(call.request.query, schema, query));
    const bool blind = TRY(works_blind(call, connection, schema.dataset));
    if (blind) TRY(refuse_to_find_suggesters(query));
    const domain::SearchResult result = TRY(store::search_records(connection, query));
    auto records = TRY(records_of(connection, schema, result, parts));
    hide_from_caller(call, schema, blind, records);
    return OrderedJson{{"items", search_items(records, result, parts)},
                       {"total", result.total}};
  };
  const OrderedJson found = TRY(answer_read(call.database(), read));
  return http::json_response(200, found);
}

struct Page {
  std::vector<domain::Record> records;
  int64_t total = 0;
};

Answer<Page> read_list(const Call& call, store::Connection& connection,
                       const domain::Schema& schema, const PageQuery& page,
                       const store::RecordParts& parts) {
  Page found;
  if (!has_older_filters(call.request.query)) {
    found.total = TRY(store::count_records(connection, schema));
    found.records =
        TRY(store::list_records(connection, schema, page.offset, page.limit, parts));
    return found;
  }
  domain::SearchQuery query;
  query.dataset = schema.dataset.position;
  query.offset = page.offset;
  query.limit = page.limit;
  query.answers_of = parts.responses_of;
  TRY(read_older_filters(call.request.query, schema, query));
  const domain::SearchResult result = TRY(store::search_records(connection, query));
  found.total = result.total;
  found.records = TRY(records_of(connection, schema, result, parts));
  return found;
}

// `own`: for whoever may read, with the caller's answers alone (what browsers of 1.x ask for).
Answer<http::Response> list(const Call& call, bool own) {
  const std::string dataset_id = TRY(call.path_id("dataset_id"));
  const PageQuery page = TRY(read_page(call.request.query));
  store::RecordParts parts = TRY(read_parts(call.request.query));
  if (own) parts.responses_of = call.user->id;
  const auto read = [&](store::Connection& connection) -> Answer<Page> {
    const domain::Schema schema = TRY(
        schema_for(call, connection, dataset_id, own ? Right::kRead : Right::kManage));
    Page found = TRY(read_list(call, connection, schema, page, parts));
    const bool blind = TRY(works_blind(call, connection, schema.dataset));
    hide_from_caller(call, schema, blind, found.records);
    return found;
  };
  const Page found = TRY(answer_read(call.database(), read));
  OrderedJson items = OrderedJson::array();
  for (const domain::Record& record : found.records) items.push_back(to_json(record, parts));
  return http::json_response(200, {{"items", std::move(items)}, {"total", found.total}});
}

}  // namespace

void add_search_endpoints(Endpoints& endpoints) {
  using http::Method;
  endpoints.push_back({Method::kGet, "/api/v1/datasets/{dataset_id}/records", Access::kAdmins,
                       "Records in the order of insertion, or filtered as SDK 1 does",
                       [](const Call& call) { return list(call, false); }});
  endpoints.push_back({Method::kGet, "/api/v1/me/datasets/{dataset_id}/records", Access::kAnyone,
                       "The same with one's own answers alone",
                       [](const Call& call) { return list(call, true); }});
  Endpoint all{Method::kPost, "/api/v1/datasets/{dataset_id}/records/search", Access::kAdmins,
               "Searches a data set by words, vectors and filters",
               [](const Call& call) { return search(call, false); }};
  all.only_reads = true;
  endpoints.push_back(std::move(all));
  Endpoint own{Method::kPost, "/api/v1/me/datasets/{dataset_id}/records/search", Access::kAnyone,
               "The same with one's own answers alone, in an order of one's own",
               [](const Call& call) { return search(call, true); }};
  own.only_reads = true;
  endpoints.push_back(std::move(own));
}

}  // namespace attune::api
