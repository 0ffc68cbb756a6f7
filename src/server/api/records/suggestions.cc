// Suggestions of one record, and of a data set the names of those who suggested.
#include <fmt/format.h>

#include <algorithm>

#include "server/api/endpoints.h"
#include "server/api/records/blindness.h"
#include "server/api/records/record_access.h"
#include "server/api/records/record_body.h"
#include "server/api/records/record_json.h"
#include "server/api/records/record_parts.h"
#include "server/api/transaction.h"
#include "server/domain/values.h"
#include "server/store/suggestions.h"

namespace attune::api {
namespace {

Answer<http::Response> list_suggestions(const Call& call) {
  const std::string id = TRY(call.path_id("record_id"));
  const auto read = [&](store::Connection& connection) -> Answer<OrderedJson> {
    const PlacedRecord place = TRY(record_for(call, connection, id, Right::kRead));
    const bool blind = TRY(works_blind(call, connection, place.schema.dataset));
    OrderedJson all = OrderedJson::array();
    for (store::SuggestionOn& one :
         TRY(store::suggestions_of(connection, std::span(&place.position, 1)))) {
      if (blind) hide_suggester(one.suggestion);
      all.push_back(to_json(one.suggestion));
    }
    return all;
  };
  const OrderedJson items = TRY(answer_read(call.database(), read));
  return http::json_response(200, {{"items", items}});
}

struct Put {
  domain::Suggestion suggestion;
  bool is_new = false;
};

std::optional<domain::Suggestion> suggestion_for(const std::vector<store::SuggestionOn>& all,
                                                 const std::string& question_id) {
  const auto one = std::find_if(all.begin(), all.end(), [&](const store::SuggestionOn& it) {
    return it.suggestion.question_id == question_id;
  });
  if (one == all.end()) return std::nullopt;
  return one->suggestion;
}

Answer<Put> put_one(const Call& call, store::Connection& connection, const std::string& record_id,
                    domain::SuggestionChange& change) {
  const PlacedRecord place = TRY(record_for(call, connection, record_id, Right::kManage));
  const std::span<const int64_t> position(&place.position, 1);
  const domain::Question* question = domain::question_with_id(place.schema, change.question_id);
  if (question == nullptr) {
    return detail(422, fmt::format("Question with id `{}` not found in dataset `{}`",
                                   change.question_id, place.schema.dataset.id));
  }
  const auto records = TRY(store::records_at(connection, place.schema, position, {}));
  TRY(domain::check_suggestion(*question, records.at(0).fields, change.value, change.score));
  const auto before =
      suggestion_for(TRY(store::suggestions_of(connection, position)), question->id);
  const store::Suggesting suggesting{place.position, &change};
  TRY(store::write_suggestions(connection, place.schema, std::span(&suggesting, 1), !before));
  const auto after = suggestion_for(TRY(store::suggestions_of(connection, position)), question->id);
  CHECK(after.has_value(), "suggestion that was just written");
  return Put{*after, !before};
}

Answer<http::Response> put_suggestion(const Call& call) {
  const std::string id = TRY(call.path_id("record_id"));
  const OrderedJson body = TRY(call.body());
  SchemaReader reader(body, "body");
  domain::SuggestionChange change = read_suggestion(reader);
  TRY(reader.done());
  const auto write = [&](store::Connection& connection) -> Answer<Put> {
    return put_one(call, connection, id, change);
  };
  const Put put = TRY(answer_write(call.database(), write));
  return http::json_response(put.is_new ? 201 : 200, to_json(put.suggestion));
}

Answer<http::Response> delete_of_record(const Call& call) {
  const std::string id = TRY(call.path_id("record_id"));
  const std::vector<std::string> ids = TRY(read_ids(query_json(call.request.query)));
  const auto write = [&](store::Connection& connection) -> Answer<void> {
    const PlacedRecord place = TRY(record_for(call, connection, id, Right::kManage));
    TRY(store::delete_suggestions(connection, place.position, ids));
    return {};
  };
  TRY(answer_write(call.database(), write));
  return http::empty_response(204);
}

Answer<http::Response> delete_suggestion(const Call& call) {
  const std::string id = TRY(call.path_id("suggestion_id"));
  const auto write = [&](store::Connection& connection) -> Answer<OrderedJson> {
    const auto placed = TRY(store::find_suggestion(connection, id));
    if (!placed) return not_found_with_id("Suggestion", id);
    TRY(schema_for(call, connection, placed->dataset_id, Right::kManage));
    TRY(store::delete_suggestions(connection, placed->record, std::span(&id, 1)));
    return to_json(placed->suggestion);
  };
  const OrderedJson json = TRY(answer_write(call.database(), write));
  return http::json_response(200, json);
}

Answer<http::Response> suggestion_options(const Call& call) {
  const std::string dataset_id = TRY(call.path_id("dataset_id"));
  const auto read = [&](store::Connection& connection) -> Answer<OrderedJson> {
    const domain::Schema schema =
        TRY(schema_for(call, connection, dataset_id, Right::kRead));
    const bool blind = TRY(works_blind(call, connection, schema.dataset));
    OrderedJson all = OrderedJson::array();
    for (store::QuestionAgents& one : TRY(store::suggestion_agents(connection, schema))) {
      if (blind) one.agents.clear();
      all.push_back({{"question", {{"id", one.question_id}, {"name", one.question_name}}},
                     {"agents", one.agents}});
    }
    return all;
  };
  const OrderedJson items = TRY(answer_read(call.database(), read));
  return http::json_response(200, {{"items", items}});
}

}  // namespace

void add_suggestion_endpoints(Endpoints& endpoints) {
  using http::Method;
  const std::string of_record = "/api/v1/records/{record_id}/suggestions";
  endpoints.push_back({Method::kGet, of_record, Access::kAnyone, "A record's suggestions",
                       list_suggestions});
  endpoints.push_back({Method::kPut, of_record, Access::kAdmins,
                       "Sets the suggestion for one question: 201 where there was none, else 200",
                       put_suggestion});
  endpoints.push_back({Method::kDelete, of_record, Access::kAdmins,
                       "Deletes suggestions of a record by ?ids=id,id", delete_of_record});
  endpoints.push_back({Method::kDelete, "/api/v1/suggestions/{suggestion_id}", Access::kAdmins,
                       "Deletes a suggestion", delete_suggestion});
  endpoints.push_back(
      {Method::kGet, "/api/v1/datasets/{dataset_id}/records/search/suggestions/options",
       Access::kAnyone, "Who suggested for each question", suggestion_options});
}

}  // namespace attune::api
