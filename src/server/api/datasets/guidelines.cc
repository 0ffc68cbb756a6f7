// Versions of a data set's guidelines: each change of them made one (PATCH of the data set).
#include <fmt/format.h>

#include <map>

#include "server/api/datasets/dataset_access.h"
#include "server/api/datasets/dataset_json.h"
#include "server/api/datasets/guidelines_json.h"
#include "server/api/endpoints.h"
#include "server/api/schema_check.h"
#include "server/api/transaction.h"
#include "server/domain/contract_text.h"
#include "server/store/guidelines.h"

namespace attune::api {
namespace {

Answer<store::GuidelineVersion> version_of(store::Connection& connection,
                                           const domain::Dataset& dataset, int64_t version) {
  auto found = TRY(store::find_guideline_version(connection, dataset, version));
  if (!found) {
    return detail(404, fmt::format("Version {} of the guidelines of dataset `{}` not found",
                                   version, dataset.id));
  }
  return std::move(*found);
}

Answer<http::Response> list_versions(const Call& call) {
  const std::string id = TRY(call.path_id("dataset_id"));
  const OrderedJson query = query_json(call.request.query);
  SchemaReader reader(query, "query");
  const bool counts = reader.boolean_or("answers", false);
  reader.no_others();
  TRY(reader.done());
  auto read = [&](store::Connection& connection) -> Answer<OrderedJson> {
    const domain::Dataset dataset = TRY(dataset_for(call, connection, id, Right::kRead));
    std::map<int64_t, int64_t> answers;
    if (counts) answers = TRY(store::answers_by_guideline_version(connection, dataset));
    return items_json(TRY(store::list_guideline_versions(connection, dataset)),
                      [&](const store::GuidelineVersion& one) {
                        OrderedJson json = guideline_version_json(one);
                        json["characters"] = domain::characters(one.text);
                        if (counts) json["answers"] = answers[one.version];
                        return json;
                      });
  };
  return http::json_response(200, TRY(answer_read(call.database(), read)));
}

Answer<http::Response> get_version(const Call& call) {
  const std::string id = TRY(call.path_id("dataset_id"));
  const int64_t version = TRY(path_version(call));
  auto read = [&](store::Connection& connection) -> Answer<OrderedJson> {
    const domain::Dataset dataset = TRY(dataset_for(call, connection, id, Right::kRead));
    return guideline_text_json(TRY(version_of(connection, dataset, version)));
  };
  return http::json_response(200, TRY(answer_read(call.database(), read)));
}

Answer<http::Response> compare_versions(const Call& call) {
  const std::string id = TRY(call.path_id("dataset_id"));
  const OrderedJson query = query_json(call.request.query);
  SchemaReader reader(query, "query");
  const int64_t from = reader.integer("from", {.ge = 1}), to = reader.integer("to", {.ge = 1});
  reader.no_others();
  TRY(reader.done());
  auto read = [&](store::Connection& connection) -> Answer<OrderedJson> {
    const domain::Dataset dataset = TRY(dataset_for(call, connection, id, Right::kRead));
    const auto before = TRY(version_of(connection, dataset, from));
    const auto after = TRY(version_of(connection, dataset, to));
    return OrderedJson{{"from", from},
                       {"to", to},
                       {"sections", guideline_changes_json(before.text, after.text)}};
  };
  return http::json_response(200, TRY(answer_read(call.database(), read)));
}

}  // namespace

void add_guideline_endpoints(Endpoints& endpoints) {
  using enum http::Method;
  const std::string all = "/api/attune/v1/datasets/{dataset_id}/guidelines";
  endpoints.push_back({kGet, all, Access::kAnyone,
                       "Versions of the guidelines; with ?answers=true, how many answers each got",
                       list_versions});
  endpoints.push_back({kGet, all + "/diff", Access::kAnyone,
                       "What changed between two versions, section by section", compare_versions});
  endpoints.push_back({kGet, all + "/{version}", Access::kAnyone,
                       "One version: its text, sections and examples", get_version});
}

}  // namespace attune::api
