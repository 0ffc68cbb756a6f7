// How far a data set is: for all, for each person, for oneself.
#include "server/api/datasets/dataset_access.h"
#include "server/api/endpoints.h"
#include "server/api/transaction.h"
#include "server/store/dataset_counts.h"

namespace attune::api {
namespace {

OrderedJson counts_json(const store::AnswerCounts& counts) {
  return {
      {"submitted", counts.submitted}, {"discarded", counts.discarded}, {"draft", counts.draft}};
}

Answer<http::Response> progress(const Call& call) {
  const std::string id = TRY(call.path_id("dataset_id"));
  auto read = [&](store::Connection& connection) -> Answer<OrderedJson> {
    const domain::Dataset dataset = TRY(dataset_for(call, connection, id, Right::kRead));
    const store::RecordCounts records = TRY(store::count_records_of(connection, dataset));
    OrderedJson users = OrderedJson::array();
    for (const auto& one : TRY(store::answers_by_user(connection, dataset))) {
      users.push_back({{"username", one.username}});
    }
    return OrderedJson{{"total", records.total},
                       {"completed", records.completed},
                       {"pending", records.total - records.completed},
                       {"users", users}};
  };
  return http::json_response(200, TRY(answer_read(call.database(), read)));
}

Answer<http::Response> users_progress(const Call& call) {
  const std::string id = TRY(call.path_id("dataset_id"));
  auto read = [&](store::Connection& connection) -> Answer<OrderedJson> {
    const domain::Dataset dataset = TRY(dataset_for(call, connection, id, Right::kRead));
    OrderedJson users = OrderedJson::array();
    for (const auto& one : TRY(store::answers_by_user(connection, dataset))) {
      users.push_back({{"username", one.username},
                       {"completed", counts_json(one.on_completed)},
                       {"pending", counts_json(one.on_pending)}});
    }
    return OrderedJson{{"users", users}};
  };
  return http::json_response(200, TRY(answer_read(call.database(), read)));
}

// SDK 1.29 reads records.count and responses.count; SDK 2 and browsers the others.
Answer<http::Response> my_metrics(const Call& call) {
  const std::string id = TRY(call.path_id("dataset_id"));
  auto read = [&](store::Connection& connection) -> Answer<OrderedJson> {
    const domain::Dataset dataset = TRY(dataset_for(call, connection, id, Right::kRead));
    const store::RecordCounts records = TRY(store::count_records_of(connection, dataset));
    const store::AnswerCounts mine =
        TRY(store::answers_of_user(connection, dataset, call.user->id));
    const int64_t answered = mine.submitted + mine.discarded + mine.draft;
    return OrderedJson{{"records", {{"count", records.total}}},
                       {"responses",
                        {{"count", answered},
                         {"total", records.total},
                         {"submitted", mine.submitted},
                         {"discarded", mine.discarded},
                         {"draft", mine.draft},
                         {"pending", records.total - answered}}}};
  };
  return http::json_response(200, TRY(answer_read(call.database(), read)));
}

}  // namespace

void add_dataset_progress_endpoints(Endpoints& endpoints) {
  using enum http::Method;
  endpoints.push_back({kGet, "/api/v1/datasets/{dataset_id}/progress", Access::kAnyone,
                       "Completed and pending records", progress});
  endpoints.push_back({kGet, "/api/v1/datasets/{dataset_id}/users/progress", Access::kAnyone,
                       "Answers of each person", users_progress});
  endpoints.push_back({kGet, "/api/v1/me/datasets/{dataset_id}/metrics", Access::kAnyone,
                       "Own answers and what is left", my_metrics});
}

}  // namespace attune::api
