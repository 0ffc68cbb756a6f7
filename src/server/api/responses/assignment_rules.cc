// The rules by which a data set's work is given out.
#include <algorithm>

#include "server/api/audit.h"
#include "server/api/datasets/dataset_access.h"
#include "server/api/endpoints.h"
#include "server/api/schema_check.h"
#include "server/api/transaction.h"
#include "server/domain/identity.h"
#include "server/store/assignment.h"
#include "server/store/completion.h"
#include "server/store/users.h"

namespace attune::api {
namespace {

struct Overlap {
  int64_t min_submitted = 1;
  std::optional<int64_t> max;
  double min_agreement = 0;
  bool discards_complete = false;
};

OrderedJson rules_json(const domain::Dataset& dataset, const domain::AssignmentRules& rules) {
  OrderedJson json = {{"overlap",
                       {{"min_submitted", dataset.min_submitted},
                        {"max", nullptr},
                        {"min_agreement", dataset.agreement_min},
                        {"discards_complete", dataset.discards_complete}}}};
  if (dataset.overlap_max) json["overlap"]["max"] = *dataset.overlap_max;
  json.update(domain::to_json(rules));
  return json;
}

Overlap read_overlap(SchemaReader body) {
  Overlap overlap;
  overlap.min_submitted = body.integer("min_submitted", {.ge = 1, .le = 1000});
  overlap.max = body.integer_or_null("max", {.ge = 1, .le = 1000});
  overlap.min_agreement = body.number_or_null("min_agreement", {.ge = 0, .le = 1}).value_or(0);
  overlap.discards_complete = body.boolean_or("discards_complete", false);
  if (overlap.max && *overlap.max < overlap.min_submitted) {
    body.value_error("'max' must not be less than 'min_submitted'");
  }
  body.no_others();
  return overlap;
}

domain::AssignmentGroup read_group(SchemaReader& body) {
  domain::AssignmentGroup group;
  group.name = body.text("name", {.min = 1, .max = 200});
  group.members = body.ids("members", {.min = 1, .max = 1000});
  group.quota = body.integer_or_null("quota", {.ge = 0});
  if (body.given("only")) {
    SchemaReader only = body.object("only");
    group.only = domain::AssignmentScope{
        only.text("property", {.min = 1, .max = 200}),
        only.texts("terms", {.min = 1, .max = 250}, {.min = 1, .max = 200})};
    only.no_others();
  }
  body.no_others();
  return group;
}

domain::AssignmentRules read_rules(SchemaReader& body) {
  domain::AssignmentRules rules;
  rules.lease_seconds = body.integer_or("lease_seconds", rules.lease_seconds,
                                        {.ge = 1, .le = double{domain::kLeaseSecondsMax}});
  rules.quota = body.integer_or_null("quota", {.ge = 0});
  if (body.given("quotas")) {
    SchemaReader quotas = body.object("quotas");
    for (const auto& [user_id, quota] : body.raw("quotas").items()) {
      const std::string id = domain::canonical_id(user_id);
      if (id.empty()) quotas.mistake("uuid_parsing", user_id, "Input should be a valid UUID");
      rules.quotas[id] = quotas.integer(user_id, {.ge = 0});
    }
  }
  rules.skips_max = body.integer_or_null("skips_max", {.ge = 0});
  rules.blind = body.boolean_or("blind", true);
  if (body.given("onboarding")) {
    SchemaReader onboarding = body.object("onboarding");
    rules.onboarding = domain::Onboarding{
        onboarding.integer("records", {.ge = 1, .le = 1000}),
        onboarding.number_or_null("min_agreement", {.ge = 0, .le = 1}).value_or(0)};
    onboarding.no_others();
  }
  if (body.given("groups")) {
    for (SchemaReader& group : body.objects("groups", {.max = 200})) {
      rules.groups.push_back(read_group(group));
    }
  }
  return rules;
}

Answer<void> check_members(store::Connection& connection, const domain::Dataset& dataset,
                           const domain::AssignmentRules& rules) {
  for (const domain::AssignmentGroup& group : rules.groups) {
    for (const std::string& member : group.members) {
      const auto user = TRY(store::find_user(connection, member));
      if (!user) return detail(422, "User with id `" + member + "` not found");
      if (user->role == domain::Role::kOwner) continue;
      if (!TRY(store::is_member(connection, dataset.workspace_id, member))) {
        return detail(422, "User with id `" + member + "` is no member of the workspace");
      }
    }
  }
  return {};
}

Answer<http::Response> get_rules(const Call& call) {
  const std::string id = TRY(call.path_id("dataset_id"));
  auto read = [&](store::Connection& connection) -> Answer<OrderedJson> {
    const domain::Dataset dataset = TRY(dataset_for(call, connection, id, Right::kReview));
    return rules_json(dataset, TRY(store::load_rules(connection, dataset)));
  };
  return http::json_response(200, TRY(answer_read(call.database(), read)));
}

Answer<http::Response> put_rules(const Call& call) {
  const std::string id = TRY(call.path_id("dataset_id"));
  const OrderedJson json = TRY(call.body());
  SchemaReader body(json, "body");
  std::optional<Overlap> overlap;
  if (body.given("overlap")) overlap = read_overlap(body.object("overlap"));
  const domain::AssignmentRules rules = read_rules(body);
  body.no_others();
  TRY(body.done());
  auto write = [&](store::Connection& connection) -> Answer<OrderedJson> {
    const domain::Schema schema = TRY(schema_for(call, connection, id, Right::kManage));
    domain::Dataset dataset = schema.dataset;
    TRY(domain::check_assignment_rules(schema, rules));
    TRY(check_members(connection, dataset, rules));
    TRY(store::save_rules(connection, dataset, rules));
    if (overlap) {
      dataset.min_submitted = overlap->min_submitted;
      dataset.overlap_max = overlap->max;
      dataset.agreement_min = overlap->min_agreement;
      dataset.discards_complete = overlap->discards_complete;
      dataset.updated_at = dataset.last_activity_at = domain::now();
      TRY(store::update_dataset(connection, dataset));
      TRY(store::recompute_all(connection, dataset));
      TRY(tell_of_dataset(call, connection, "dataset.updated", id));
    }
    OrderedJson after = rules_json(dataset, rules);
    TRY(audit(connection, call, "dataset.assignment", id, after));
    return after;
  };
  return http::json_response(200, TRY(answer_write(call.database(), write)));
}

}  // namespace

void add_assignment_rules_endpoints(Endpoints& endpoints) {
  using enum http::Method;
  const std::string path = "/api/attune/v1/datasets/{dataset_id}/assignment";
  endpoints.push_back({kGet, path, Access::kReviewers,
                       "How the data set's work is given out: overlap, leases, quotas, groups",
                       get_rules});
  endpoints.push_back({kPut, path, Access::kAdmins,
                       "Set how work is given out; completion is reckoned anew", put_rules});
}

}  // namespace attune::api
