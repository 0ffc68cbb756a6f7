// GET /api/attune/v1/datasets/{id}/aggregate: many answers as one, by a named model.
#include "server/api/endpoints.h"
#include "server/api/judgement/aggregates.h"
#include "server/api/judgement/judged_question.h"
#include "server/api/transaction.h"

namespace attune::api {
namespace {

feedback::TieModel tie_model_of(const std::string& name) {
  if (name == "ignore") return feedback::TieModel::kIgnore;
  if (name == "davidson") return feedback::TieModel::kDavidson;
  if (name == "rao_kupper") return feedback::TieModel::kRaoKupper;
  return feedback::TieModel::kHalfWin;
}

struct Asked {
  std::string question;
  AggregateOptions options;
  bool adjudicated = true;  // what a reviewer decided stands in place of what the model says
  int64_t after = 0, limit = 100;
};

Answer<Asked> read_asked(const Call& call) {
  const OrderedJson json = query_json(call.request.query);
  SchemaReader query(json, "query");
  Asked asked;
  asked.question = query.text_or("question", "");
  asked.options.method = query.text_or("method", "");
  asked.options.per_record =
      query.choice_or("scope", "records", {"records", "options"}) == "records";
  asked.options.ties = tie_model_of(
      query.choice_or("ties", "half_win", {"half_win", "ignore", "davidson", "rao_kupper"}));
  asked.options.prior_precision = query.number_or_null("prior_precision", {.ge = 0});
  asked.options.seed = static_cast<uint64_t>(query.integer_or("seed", 0, {.ge = 0}));
  asked.adjudicated =
      query.choice_or("answers", "adjudicated", {"adjudicated", "annotators"}) == "adjudicated";
  asked.after = query.integer_or("after", 0, {.ge = 0});
  asked.limit = query.integer_or("limit", 100, {.ge = 0, .le = 10'000});
  query.no_others();
  TRY(query.done());
  return asked;
}

OrderedJson annotators_json(const store::Judgements& judgements, const Aggregate& found) {
  OrderedJson list = OrderedJson::array();
  for (size_t rater = 0; rater < found.annotators.size(); ++rater) {
    OrderedJson one = {{"user_id", judgements.raters[rater].user_id},
                       {"username", judgements.raters[rater].username}};
    one.update(found.annotators[rater]);
    list.push_back(std::move(one));
  }
  return list;
}

// The decision in the form of what the model says; the shares of people's answers stay.
int64_t put_decisions(const store::Judgements& judgements, Aggregate& found) {
  int64_t count = 0;
  for (size_t i = 0; i < found.items.size(); ++i) {
    const OrderedJson& decision = judgements.items[i].decision;
    if (decision.is_null()) continue;
    ++count;
    OrderedJson& item = found.items[i];
    item["adjudicated"] = true;
    if (!item.contains("ranking")) {
      item["value"] = decision;
      item["tied"] = false;
      continue;
    }
    item["ranking"] = decision;
    for (OrderedJson& one : item["ranking"]) one["strength"] = nullptr;
  }
  return count;
}

// Items of a page; their number is the record's position, as in other lists.
void add_page(const store::Judgements& judgements, const Aggregate& found, const Asked& asked,
              OrderedJson& json) {
  json["items"] = OrderedJson::array();
  json["next_after"] = nullptr;
  for (size_t i = 0; i < found.items.size(); ++i) {
    const store::JudgedItem& item = judgements.items[i];
    if (item.position <= asked.after) continue;
    if (std::ssize(json["items"]) == asked.limit) {
      if (i > 0 && asked.limit > 0) json["next_after"] = judgements.items[i - 1].position;
      return;
    }
    OrderedJson one = {{"record_id", item.record_id}};
    one.update(found.items[i]);
    json["items"].push_back(std::move(one));
  }
}

Answer<http::Response> aggregate_answers(const Call& call) {
  const std::string id = TRY(call.path_id("dataset_id"));
  const Asked asked = TRY(read_asked(call));
  domain::Question question;
  store::Judgements judgements;
  const auto read = [&](store::Connection& connection) -> Answer<void> {
    const domain::Schema schema = TRY(schema_for(call, connection, id, Right::kReview));
    question = TRY(question_for(schema, asked.question));
    auto all = TRY(store::read_judgements(connection, schema, {question},
                                              {.decisions = asked.adjudicated}));
    judgements = std::move(all.front());
    return {};
  };
  TRY(answer_read(call.database(), read));
  Aggregate found = TRY(aggregate(question, judgements, asked.options));
  const int64_t adjudicated = put_decisions(judgements, found);
  OrderedJson json = {{"question", question_name_json(question)},
                      {"method", found.method},
                      {"seed", asked.options.seed},
                      {"records", judgements.items.size()},
                      {"answers", judgements.answers.size()},
                      {"adjudicated", adjudicated},
                      {"model", found.model},
                      {"annotators", annotators_json(judgements, found)}};
  add_page(judgements, found, asked, json);
  return http::json_response(200, json);
}

}  // namespace

void add_aggregation_endpoints(Endpoints& endpoints) {
  endpoints.push_back({http::Method::kGet, "/api/attune/v1/datasets/{dataset_id}/aggregate",
                       Access::kReviewers,
                       "Many answers as one: majority, Dawid-Skene, MACE, strengths of rankings",
                       aggregate_answers});
}

}  // namespace attune::api
