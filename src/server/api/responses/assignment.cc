// Giving out work: the next record for a person, leases, skips.
#include <fmt/format.h>

#include "server/api/endpoints.h"
#include "server/api/records/blindness.h"
#include "server/api/records/record_access.h"
#include "server/api/records/record_json.h"
#include "server/api/schema_check.h"
#include "server/api/transaction.h"
#include "server/domain/identity.h"
#include "server/store/assignment.h"
#include "server/store/records.h"
#include "server/store/review.h"

namespace attune::api {
namespace {

constexpr int64_t kBatchMax = 50;

// Why nothing more is given out.
constexpr const char* kNothingOpen = "nothing_open";
constexpr const char* kQuotaReached = "quota_reached";
constexpr const char* kNotOnboarded = "onboarding_failed";

// How many answers more the quotas leave the person, what they hold included, or nothing where
// there is no quota. Of a group's, what the others hold is taken: they will answer it.
Result<std::optional<int64_t>> left_of_quotas(store::Connection& connection,
                                              const domain::Dataset& dataset,
                                              const domain::AssignmentRules& rules,
                                              const std::string& user_id, const std::string& now) {
  std::optional<int64_t> left;
  auto bound = [&](int64_t quota, int64_t answers) {
    const int64_t rest = std::max<int64_t>(0, quota - answers);
    left = std::min(left.value_or(rest), rest);
  };
  if (auto quota = domain::quota_of(rules, user_id)) {
    bound(*quota, TRY(store::count_submitted(connection, dataset, {user_id})));
  }
  const domain::AssignmentGroup* group = domain::group_of(rules, user_id);
  if (group && group->quota) {
    std::vector<std::string> others = group->members;
    std::erase(others, user_id);
    bound(*group->quota, TRY(store::count_submitted(connection, dataset, group->members)) +
                             TRY(store::count_held(connection, dataset, others, now)));
  }
  return left;
}

// A record as it is shown to the person: own answer and suggestions with it; blind: nothing tells
// which model or person suggested what.
OrderedJson shown_record(const Call& call, const domain::Schema& schema, bool blind,
                         domain::Record record) {
  if (!sees_all_metadata(call)) hide_metadata(schema, record);
  if (blind) hide_suggesters(record);
  store::RecordParts parts;
  parts.responses = parts.suggestions = true;
  return to_json(record, parts);
}

// Whether gold records are to be answered first, and whether those that were are too poor for
// anything else to be given out.
struct Welcome {
  bool onboarding = false;
  bool failed = false;
};
Result<Welcome> welcome(store::Connection& connection, const domain::Schema& schema,
                        const domain::AssignmentRules& rules, const std::string& user_id) {
  if (!rules.onboarding) return Welcome();
  const auto scores = TRY(store::gold_scores(connection, schema, user_id));
  const store::GoldScore score = scores.empty() ? store::GoldScore() : scores[0];
  const bool poor = score.compared > 0 && score.agreement < rules.onboarding->min_agreement;
  return Welcome{.onboarding = score.answers < rules.onboarding->records, .failed = poor};
}

struct Taken {
  std::vector<int64_t> positions;
  const char* reason = nullptr;  // where there are fewer than were asked for
};

// What the person holds already, then what is open, as far as quotas go.
Result<Taken> take(store::Connection& connection, const domain::Schema& schema,
                   const domain::AssignmentRules& rules, const std::string& user_id,
                   int64_t count) {
  const domain::Dataset& dataset = schema.dataset;
  const std::string now = domain::now();
  TRY(store::sweep_leases(connection, dataset, user_id, now));
  Taken taken;
  const auto left = TRY(left_of_quotas(connection, dataset, rules, user_id, now));
  if (left && *left < count) {
    count = *left;
    taken.reason = kQuotaReached;
  }
  taken.positions = TRY(store::held_records(connection, dataset, user_id, now));
  if (static_cast<int64_t>(taken.positions.size()) > count) {
    taken.positions.resize(static_cast<size_t>(count));
  }
  store::OpenRecords wanted{user_id, now, {}, count - static_cast<int64_t>(taken.positions.size())};
  if (wanted.limit == 0) return taken;
  const Welcome first = TRY(welcome(connection, schema, rules, user_id));
  if (first.onboarding) {
    // One by one: what is held may be the gold record that is open still.
    if (!taken.positions.empty()) return taken;
    taken.positions = TRY(store::open_gold(connection, dataset, user_id, 1));
    if (!taken.positions.empty()) return taken;
  }
  // Also where there are fewer gold records than the rule wants.
  if (first.failed) {
    taken.reason = kNotOnboarded;
    return taken;
  }
  const domain::AssignmentGroup* group = domain::group_of(rules, user_id);
  if (group) wanted.only = group->only;
  const auto open = TRY(store::open_records(connection, schema, wanted));
  if (static_cast<int64_t>(open.size()) < wanted.limit) taken.reason = kNothingOpen;
  taken.positions.insert(taken.positions.end(), open.begin(), open.end());
  return taken;
}

// Leases each record and writes it down with the order of its candidates.
Answer<OrderedJson> lease_all(const Call& call, store::Connection& connection,
                              const domain::Schema& schema, const domain::AssignmentRules& rules,
                              const std::vector<int64_t>& positions) {
  store::RecordParts parts;
  parts.responses = parts.suggestions = true;
  parts.responses_of = call.user->id;
  const std::string expires_at =
      domain::format_time(domain::now_us() + rules.lease_seconds * 1'000'000);
  OrderedJson items = OrderedJson::array();
  for (domain::Record& record : TRY(store::records_at(connection, schema, positions, parts))) {
    const auto before = TRY(store::find_lease(connection, record.position, call.user->id));
    store::Lease lease{record.position, call.user->id, expires_at, nullptr};
    lease.shown_order = before ? before->shown_order
                               : domain::shown_order(schema, rules.blind, record.id, call.user->id);
    TRY(store::put_lease(connection, schema.dataset, lease));
    items.push_back({{"record", shown_record(call, schema, rules.blind, std::move(record))},
                     {"expires_at", expires_at},
                     {"shown_order", lease.shown_order}});
  }
  return items;
}

Answer<http::Response> next(const Call& call) {
  const std::string id = TRY(call.path_id("dataset_id"));
  const OrderedJson json = call.request.body.empty() ? OrderedJson::object() : TRY(call.body());
  SchemaReader body(json, "body");
  const int64_t count = body.integer_or("count", 1, {.ge = 1, .le = double{kBatchMax}});
  body.no_others();
  TRY(body.done());
  auto write = [&](store::Connection& connection) -> Answer<OrderedJson> {
    const auto settings = TRY(settings_for_reader(call, connection, id));
    const domain::Schema& schema = settings->schema;
    if (!schema.dataset.published) {
      return detail(422, "records are not given out for a non published dataset");
    }
    const domain::AssignmentRules& rules = settings->rules;
    const Taken taken = TRY(take(connection, schema, rules, call.user->id, count));
    const int64_t version = settings->guideline_version;
    OrderedJson answer = {
        {"items", TRY(lease_all(call, connection, schema, rules, taken.positions))}};
    answer["guideline_version"] = nullptr;
    if (version > 0) answer["guideline_version"] = version;
    answer["reason"] = nullptr;
    if (taken.reason) answer["reason"] = taken.reason;
    return answer;
  };
  return http::json_response(200, TRY(answer_write(call.database(), write)));
}

Answer<http::Response> release(const Call& call) {
  const std::string id = TRY(call.path_id("record_id"));
  auto write = [&](store::Connection& connection) -> Answer<void> {
    const PlacedRecord record = TRY(record_for(call, connection, id, Right::kRead));
    TRY(store::delete_lease(connection, record.position, call.user->id));
    return {};
  };
  TRY(answer_write(call.database(), write));
  return http::empty_response(204);
}

Answer<http::Response> skip(const Call& call) {
  const std::string id = TRY(call.path_id("record_id"));
  const OrderedJson json = call.request.body.empty() ? OrderedJson::object() : TRY(call.body());
  SchemaReader body(json, "body");
  const auto reason = body.text_or_null("reason", {.min = 1, .max = 1000});
  body.no_others();
  TRY(body.done());
  auto write = [&](store::Connection& connection) -> Answer<OrderedJson> {
    const PlacedRecord record = TRY(record_for(call, connection, id, Right::kRead));
    const domain::Dataset& dataset = record.schema.dataset;
    const auto rules = TRY(store::load_rules(connection, dataset));
    if (rules.onboarding &&
        TRY(store::find_decision(connection, store::Verdict::kGold, record.position))) {
      return detail(409, "the record is one of the onboarding, which everybody answers: answer it "
                         "as well as you can");
    }
    const int64_t skips = TRY(store::count_skips(connection, dataset, call.user->id));
    if (rules.skips_max && skips >= *rules.skips_max) {
      return detail(409, fmt::format("{} records of this dataset were skipped already, which is as "
                                     "many as one may: answer or discard this one",
                                     skips));
    }
    TRY(store::put_skip(connection, dataset, record.position, call.user->id, reason));
    TRY(store::delete_lease(connection, record.position, call.user->id));
    return OrderedJson{{"skips", TRY(store::count_skips(connection, dataset, call.user->id))}};
  };
  return http::json_response(201, TRY(answer_write(call.database(), write)));
}

Answer<http::Response> take_back_skips(const Call& call) {
  const std::string id = TRY(call.path_id("dataset_id"));
  auto write = [&](store::Connection& connection) -> Answer<OrderedJson> {
    const domain::Dataset dataset = TRY(dataset_for(call, connection, id, Right::kRead));
    return OrderedJson{{"taken_back", TRY(store::delete_skips(connection, dataset,
                                                              call.user->id))}};
  };
  return http::json_response(200, TRY(answer_write(call.database(), write)));
}

}  // namespace

void add_assignment_endpoints(Endpoints& endpoints) {
  using enum http::Method;
  const std::string dataset = "/api/attune/v1/datasets/{dataset_id}";
  const std::string record = "/api/attune/v1/records/{record_id}";
  endpoints.push_back({kPost, dataset + "/next", Access::kAnyone,
                       "Take the next records to answer, for as long as a lease lasts", next});
  endpoints.push_back(
      {kDelete, record + "/lease", Access::kAnyone, "Give a record back", release});
  endpoints.push_back({kPost, record + "/skip", Access::kAnyone,
                       "Leave a record to others, for good", skip});
  endpoints.push_back({kDelete, dataset + "/skips", Access::kAnyone,
                       "Be offered again what one has skipped", take_back_skips});
}

}  // namespace attune::api
