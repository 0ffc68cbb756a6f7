// Review: where answers disagree, what a reviewer decides, and gold records with what people make
// of them.
#include "server/api/audit.h"
#include "server/api/endpoints.h"
#include "server/api/or_null.h"
#include "server/api/records/record_access.h"
#include "server/api/schema_check.h"
#include "server/api/transaction.h"
#include "server/domain/identity.h"
#include "server/domain/values.h"
#include "server/store/records.h"
#include "server/store/review.h"

namespace attune::api {
namespace {

using store::Verdict;

OrderedJson decision_json(const store::Decision& decision) {
  return {{"record_id", decision.record_id},
          {"values", decision.values},
          {"note", or_null(decision.note)},
          {"user_id", decision.user_id},
          {"at", decision.at}};
}

const char* name_of(Verdict verdict) {
  return verdict == Verdict::kGold ? "gold" : "adjudication";
}

Failure no_decision(Verdict verdict, const std::string& record_id) {
  return detail(404, "Record with id `" + record_id + "` has no " + name_of(verdict));
}

Answer<http::Response> get_decision(const Call& call, Verdict verdict) {
  const std::string id = TRY(call.path_id("record_id"));
  const auto read = [&](store::Connection& connection) -> Answer<OrderedJson> {
    const PlacedRecord place = TRY(record_for(call, connection, id, Right::kReview));
    const auto found = TRY(store::find_decision(connection, verdict, place.position));
    if (!found) return no_decision(verdict, id);
    return decision_json(*found);
  };
  return http::json_response(200, TRY(answer_read(call.database(), read)));
}

Answer<http::Response> put_decision(const Call& call, Verdict verdict) {
  const std::string id = TRY(call.path_id("record_id"));
  const OrderedJson json = TRY(call.body());
  SchemaReader body(json, "body");
  const OrderedJson& asked = body.dictionary("values");
  const auto note = body.text_or_null("note", {.min = 1, .max = 10'000});
  body.no_others();
  TRY(body.done());
  const auto write = [&](store::Connection& connection) -> Answer<OrderedJson> {
    const PlacedRecord place = TRY(record_for(call, connection, id, Right::kReview));
    const auto records =
        TRY(store::records_at(connection, place.schema, std::span(&place.position, 1), {}));
    store::Decision decision{place.position, id, call.user->id, asked, note, domain::now()};
    TRY(domain::check_response(place.schema, domain::ResponseStatus::kSubmitted,
                               records.at(0).fields, decision.values));
    TRY(store::put_decision(connection, verdict, place.schema.dataset, decision));
    TRY(audit(connection, call, std::string("record.") + name_of(verdict), id));
    return decision_json(decision);
  };
  return http::json_response(200, TRY(answer_write(call.database(), write)));
}

Answer<http::Response> delete_decision(const Call& call, Verdict verdict) {
  const std::string id = TRY(call.path_id("record_id"));
  const auto write = [&](store::Connection& connection) -> Answer<void> {
    const PlacedRecord place = TRY(record_for(call, connection, id, Right::kReview));
    if (!TRY(store::delete_decision(connection, verdict, place.position))) {
      return no_decision(verdict, id);
    }
    TRY(audit(connection, call, std::string("record.") + name_of(verdict) + ".delete", id));
    return {};
  };
  TRY(answer_write(call.database(), write));
  return http::empty_response(204);
}

struct Page {
  int64_t after = 0, limit = 50;
};
Page read_page(SchemaReader& reader) {
  return {reader.integer_or("after", 0, {.ge = 0}),
          reader.integer_or("limit", 50, {.ge = 1, .le = 1000})};
}

Answer<http::Response> list_decisions(const Call& call, Verdict verdict) {
  const std::string id = TRY(call.path_id("dataset_id"));
  const OrderedJson query = query_json(call.request.query);
  SchemaReader reader(query, "query");
  const Page page = read_page(reader);
  reader.no_others();
  TRY(reader.done());
  const auto read = [&](store::Connection& connection) -> Answer<OrderedJson> {
    const auto dataset = TRY(dataset_for(call, connection, id, Right::kReview));
    const auto found =
        TRY(store::list_decisions(connection, verdict, dataset, page.after, page.limit));
    OrderedJson items = OrderedJson::array();
    for (const store::Decision& one : found) items.push_back(decision_json(one));
    const bool full = static_cast<int64_t>(found.size()) == page.limit;
    OrderedJson next = full ? OrderedJson(found.back().record) : OrderedJson(nullptr);
    return OrderedJson{{"items", std::move(items)}, {"next_after", std::move(next)}};
  };
  return http::json_response(200, TRY(answer_read(call.database(), read)));
}

Answer<http::Response> disagreements(const Call& call) {
  const std::string id = TRY(call.path_id("dataset_id"));
  const OrderedJson query = query_json(call.request.query);
  SchemaReader reader(query, "query");
  const double below = reader.number_or_null("below", {.ge = 0, .le = 1}).value_or(1);
  const Page page = read_page(reader);
  reader.no_others();
  TRY(reader.done());
  const auto read = [&](store::Connection& connection) -> Answer<OrderedJson> {
    const auto schema = TRY(schema_for(call, connection, id, Right::kReview));
    const auto found =
        TRY(store::find_disagreements(connection, schema, below, page.after, page.limit));
    OrderedJson items = OrderedJson::array();
    for (const store::Disagreement& one : found.items) {
      items.push_back({{"record_id", one.record_id},
                       {"answers", one.answers},
                       {"agreement", one.agreement}});
    }
    OrderedJson next = found.last > 0 ? OrderedJson(found.last) : OrderedJson(nullptr);
    return OrderedJson{{"items", std::move(items)}, {"next_after", std::move(next)}};
  };
  return http::json_response(200, TRY(answer_read(call.database(), read)));
}

Answer<http::Response> scores(const Call& call) {
  const std::string id = TRY(call.path_id("dataset_id"));
  const auto read = [&](store::Connection& connection) -> Answer<OrderedJson> {
    const auto schema = TRY(schema_for(call, connection, id, Right::kReview));
    OrderedJson items = OrderedJson::array();
    for (const auto& one : TRY(store::gold_scores(connection, schema, std::nullopt))) {
      OrderedJson agreement = one.compared > 0 ? OrderedJson(one.agreement) : OrderedJson(nullptr);
      items.push_back({{"user_id", one.user_id},
                       {"username", one.username},
                       {"answers", one.answers},
                       {"discarded", one.discarded},
                       {"compared", one.compared},
                       {"agreement", std::move(agreement)}});
    }
    return OrderedJson{{"items", std::move(items)}};
  };
  return http::json_response(200, TRY(answer_read(call.database(), read)));
}

void add_decision_endpoints(Endpoints& endpoints, Verdict verdict, const std::string& what) {
  using enum http::Method;
  const std::string name = name_of(verdict);
  const std::string one = "/api/attune/v1/records/{record_id}/" + name;
  const auto with = [verdict](auto* handle) {
    return [verdict, handle](const Call& call) { return handle(call, verdict); };
  };
  endpoints.push_back({kGet, one, Access::kReviewers, "Read " + what, with(get_decision)});
  endpoints.push_back({kPut, one, Access::kReviewers, "Set " + what, with(put_decision)});
  endpoints.push_back({kDelete, one, Access::kReviewers, "Delete " + what, with(delete_decision)});
  endpoints.push_back({kGet, "/api/attune/v1/datasets/{dataset_id}/" + name, Access::kReviewers,
                       "Of all records: " + what, with(list_decisions)});
}

}  // namespace

void add_review_endpoints(Endpoints& endpoints) {
  using enum http::Method;
  const std::string dataset = "/api/attune/v1/datasets/{dataset_id}";
  endpoints.push_back({kGet, dataset + "/disagreements", Access::kReviewers,
                       "Records whose answers agree little and wait for a decision",
                       disagreements});
  add_decision_endpoints(endpoints, Verdict::kAdjudication, "a reviewer's decision on the answers");
  add_decision_endpoints(endpoints, Verdict::kGold, "the answer that is known to be right");
  endpoints.push_back({kGet, dataset + "/gold/scores", Access::kReviewers,
                       "How each person's answers agree with the gold records", scores});
}

}  // namespace attune::api
