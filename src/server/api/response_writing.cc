#include "server/api/response_writing.h"

#include <fmt/format.h>

#include <map>

#include "server/api/record_access.h"
#include "server/api/record_events.h"
#include "server/api/record_parts.h"
#include "server/api/transaction.h"
#include "server/domain/values.h"
#include "server/store/assignment.h"
#include "server/store/completion.h"
#include "server/store/datasets.h"
#include "server/store/records.h"

namespace attune::api {
namespace {

// The check of one, with the schemas that were read for others before it.
Answer<void> check(const Call& call, store::Connection& connection, Schemas& schemas,
                   Submission& one) {
  const auto place = TRY(store::find_record(connection, one.record_id));
  if (!place) return not_found_with_id("Record", one.record_id);
  auto schema = schemas.find(place->dataset_id);
  if (schema == schemas.end()) {
    auto read = TRY(schema_for(call, connection, place->dataset_id, Right::kRead));
    schema = schemas.emplace(place->dataset_id, std::move(read)).first;
  }
  one.dataset_id = place->dataset_id;
  const auto records =
      TRY(store::records_at(connection, schema->second, std::span(&place->position, 1), {}));
  CHECK(records.size() == 1, "record {} left within one snapshot", one.record_id);
  const Status fits = domain::check_response(schema->second, one.change.status, records[0].fields,
                                             one.change.values);
  if (!fits.ok()) return detail(422, fits.error().message());
  return {};
}

// A failure of the store or of us fails the whole; others are about one answer.
bool is_fatal(const Failure& failure) {
  return failure.status >= 500;
}

// What the rule says to the answer that is there, or is not.
std::optional<Failure> refuse(WriteRule rule, const Submission& one, bool exists) {
  if (rule == WriteRule::kCreateOnly && exists) {
    return detail(409, fmt::format("Response already exists for record with id `{}` and by user "
                                   "with id `{}`",
                                   one.record_id, one.change.user_id));
  }
  if (rule == WriteRule::kUpdateOnly && !exists) {
    return detail(404, fmt::format("the response to record `{}` was deleted meanwhile",
                                   one.record_id));
  }
  return std::nullopt;
}

Answer<void> write_one(const Call& call, store::Connection& connection,
                       const domain::Schema& schema, WriteRule rule, Submission& one) {
  one.failure.reset();  // of a first try, when the write runs again
  one.response.reset();
  const auto place = TRY(store::find_record(connection, one.record_id));
  if (!place) {
    one.failure = not_found_with_id("Record", one.record_id);
    return {};
  }
  const auto before =
      TRY(store::find_answer_of(connection, place->position, one.change.user_id));
  one.failure = refuse(rule, one, before.has_value());
  if (one.failure) return {};
  store::Answering answering{place->position, one.record_id, one.change};
  if (answering.change.shown_order.is_null()) {
    // Whoever took the record by `next` was told in which order to show the candidates.
    const auto lease = TRY(store::find_lease(connection, place->position, one.change.user_id));
    if (lease) answering.change.shown_order = lease->shown_order;
  }
  auto written = TRY(store::write_answers(connection, schema, std::span(&answering, 1),
                                          authorship_of(call)));
  one.response = std::move(written.at(0));
  const auto completed =
      TRY(store::recompute(connection, schema.dataset, std::span(&place->position, 1)));
  return tell_of_response(call, connection, schema,
                          before ? "response.updated" : "response.created", *one.response,
                          completed);
}

}  // namespace

Answer<Schemas> check_submissions(const Call& call, std::vector<Submission>& submissions) {
  return answer_read(call.database(), [&](store::Connection& connection) -> Answer<Schemas> {
    Schemas schemas;
    for (Submission& one : submissions) {
      const Answer<void> checked = check(call, connection, schemas, one);
      if (checked.ok()) continue;
      if (is_fatal(checked.error())) return checked.error();
      one.failure = checked.error();
    }
    return schemas;
  });
}

Answer<void> write_submissions(const Call& call, Schemas& schemas,
                               std::vector<Submission>& submissions, WriteRule rule) {
  std::map<std::string, std::vector<Submission*>> groups;  // by data set
  for (Submission& one : submissions) {
    if (!one.failure) groups[one.dataset_id].push_back(&one);
  }
  if (groups.empty()) return {};
  return answer_write(call.database(), [&](store::Connection& connection) -> Answer<void> {
    for (auto& [dataset_id, group] : groups) {
      // The rule of completion may have changed since the check.
      const auto dataset = TRY(store::find_dataset(connection, dataset_id));
      domain::Schema& schema = schemas.at(dataset_id);
      if (dataset) schema.dataset = *dataset;
      for (Submission* one : group) TRY(write_one(call, connection, schema, rule, *one));
      if (dataset) TRY(store::touch_dataset(connection, schema.dataset));
    }
    return {};
  });
}

}  // namespace attune::api
