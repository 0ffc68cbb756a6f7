#include "server/api/responses/response_writing.h"

#include <fmt/format.h>

#include <algorithm>

#include "server/api/audit.h"
#include "server/api/records/record_access.h"
#include "server/api/records/record_events.h"
#include "server/api/records/record_parts.h"
#include "server/api/transaction.h"
#include "server/domain/assignment.h"
#include "server/domain/values.h"
#include "server/store/completion.h"
#include "server/store/datasets.h"
#include "server/store/records.h"

namespace attune::api {
namespace {

// A failure of the store or of us fails the whole; others are about one answer, of which nothing
// was written then.
bool is_fatal(const Failure& failure) {
  return failure.status >= 500 || failure.cause;
}

// What the rule says to the answer that is there, or is not.
Answer<void> allowed(WriteRule rule, const Submission& one,
                     const std::optional<std::string>& there) {
  if (rule == WriteRule::kCreateOnly && there) {
    return detail(409, fmt::format("Response already exists for record with id `{}` and by user "
                                   "with id `{}`",
                                   one.record_id, one.change.user_id));
  }
  if (rule == WriteRule::kUpdateOnly && there != one.response_id) {
    return detail(404, fmt::format("the response to record `{}` was deleted meanwhile",
                                   one.record_id));
  }
  return {};
}

// The fields of the record where values are checked against them: spans lie in a text.
Answer<OrderedJson> fields_for_check(store::Connection& connection, const domain::Schema& schema,
                                     const store::AnswerPlace& place) {
  const auto& all = schema.questions;
  const bool needed = std::any_of(all.begin(), all.end(), [](const domain::Question& question) {
    return domain::type_of(question.settings) == "span";
  });
  if (!needed) return OrderedJson(nullptr);
  auto records = TRY(store::records_at(connection, schema, std::span(&place.record, 1), {}));
  CHECK(records.size() == 1, "record at {} left within one write", place.record);
  return std::move(records[0].fields);
}

// One that passed: the answer, its history, the record's completion, who is told of it, the data
// set's last activity.
Answer<domain::Response> write(const Call& call, store::Connection& connection,
                               SettingsSnapshot& settings, const DatasetSettings& dataset,
                               const store::AnswerPlace& place,
                               const store::Answering& answering) {
  const domain::Schema& schema = dataset.schema;
  auto written = TRY(store::write_answer(connection, schema, answering, place,
                                         authorship_of(call), dataset.guideline_version));
  const auto completed =
      TRY(store::recompute(connection, schema.dataset, std::span(&place.record, 1)));
  if (TRY(settings.has_webhooks())) {
    domain::Schema told = schema;
    told.dataset.last_activity_at = place.last_activity_at;
    TRY(tell_of_response(call, connection, told,
                         place.response_id ? "response.updated" : "response.created", written,
                         completed));
  }
  TRY(store::touch_dataset(connection, schema.dataset, place.last_activity_at));
  TRY(audit_of_others_answer(connection, call, "response.update", written));
  return written;
}

// Whoever took the record by `next` was told in which order to show the candidates: that stands
// where the answer says none, and is right though the question has got another option since.
Answer<void> check_order(const domain::Schema& schema, const store::AnswerPlace& place,
                         OrderedJson& shown) {
  if (shown.is_null()) shown = place.shown_order;
  if (shown == place.shown_order) return {};
  const Status fits = domain::check_shown_order(schema, shown);
  if (!fits.ok()) return detail(422, fits.error().message());
  return {};
}

Answer<domain::Response> submit_one(const Call& call, store::Connection& connection,
                                    SettingsSnapshot& settings, WriteRule rule,
                                    const Submission& one) {
  const std::string& user_id = one.change.user_id;
  const auto place = TRY(store::find_answer_place(connection, one.record_id, user_id));
  if (!place) return not_found_with_id("Record", one.record_id);
  const auto dataset = TRY(settings.dataset(place->dataset_id));
  CHECK(dataset, "data set {} left within one write", place->dataset_id);
  const domain::Schema& schema = dataset->schema;
  TRY(may_read_workspace(settings, *call.user, schema.dataset.workspace_id));
  store::Answering answering{place->record, one.record_id, one.change};
  const OrderedJson fields = TRY(fields_for_check(connection, schema, *place));
  const Status fits = domain::check_response(schema, answering.change.status, fields,
                                             answering.change.values);
  if (!fits.ok()) return detail(422, fits.error().message());
  TRY(check_order(schema, *place, answering.change.shown_order));
  TRY(allowed(rule, one, place->response_id));
  return write(call, connection, settings, *dataset, *place, answering);
}

}  // namespace

Answer<void> submit(const Call& call, std::vector<Submission>& submissions, WriteRule rule) {
  return answer_write(call.database(), [&](store::Connection& connection) -> Answer<void> {
    SettingsSnapshot settings = TRY(call.services.settings.at(connection));
    for (Submission& one : submissions) {
      one.failure.reset();  // of a first try, when the write runs again
      one.response.reset();
      auto written = submit_one(call, connection, settings, rule, one);
      if (written.ok()) {
        one.response = std::move(written).value();
      } else if (is_fatal(written.error())) {
        return written.error();
      } else {
        one.failure = written.error();
      }
    }
    return {};
  });
}

}  // namespace attune::api
