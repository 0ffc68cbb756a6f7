// How people judge: agreement, signs about annotators, bias of place and length, and how many
// comparisons an evaluation needs. All of it is computed from the answers that stand now.
#include <cmath>

#include "feedback/power.h"
#include "feedback/presentation.h"
#include "feedback/raters.h"
#include "server/api/endpoints.h"
#include "server/api/judgement/agreement_measures.h"
#include "server/api/judgement/judged_question.h"
#include "server/api/transaction.h"

namespace attune::api {
namespace {

using domain::CodedAnswer;
using store::Judgements;

AgreementOptions read_agreement_options(SchemaReader& query) {
  AgreementOptions options;
  const std::string metric =
      query.choice_or("metric", "ordinal", {"ordinal", "interval", "nominal"});
  if (metric == "interval") options.rating_metric = feedback::Metric::kInterval;
  if (metric == "nominal") options.rating_metric = feedback::Metric::kNominal;
  const std::string expectation =
      query.choice_or("expectation", "exchangeable", {"exchangeable", "pooled"});
  if (expectation == "pooled") options.expectation = feedback::RankingExpectation::kPooled;
  options.bootstrap = read_bootstrap(query);
  return options;
}

Answer<http::Response> agreement(const Call& call) {
  const std::string id = TRY(call.path_id("dataset_id"));
  const OrderedJson asked = query_json(call.request.query);
  SchemaReader query(asked, "query");
  const std::string name = query.text_or("question", "");
  const AgreementOptions options = read_agreement_options(query);
  query.no_others();
  TRY(query.done());
  std::vector<domain::Question> questions;
  std::vector<Judgements> all;
  const auto read = [&](store::Connection& connection) -> Answer<void> {
    const domain::Schema schema = TRY(schema_for(call, connection, id, Right::kReview));
    questions = schema.questions;
    if (!name.empty()) questions = {TRY(question_for(schema, name))};
    all = TRY(store::read_judgements(connection, schema, questions, {}));
    return {};
  };
  TRY(answer_read(call.database(), read));
  OrderedJson items = OrderedJson::array();
  for (size_t i = 0; i < all.size(); ++i) {
    items.push_back(TRY(agreement_json(questions[i], all[i], options)));
  }
  return http::json_response(200, {{"items", std::move(items)}});
}

struct Judged {
  domain::Question question;
  Judgements judgements;
  std::vector<std::vector<double>> lengths;
};

Answer<Judged> read_judged(const Call& call, const std::string& dataset_id,
                           const std::string& question, const store::JudgementParts& parts,
                           bool with_lengths) {
  const auto read = [&](store::Connection& connection) -> Answer<Judged> {
    const domain::Schema schema = TRY(schema_for(call, connection, dataset_id, Right::kReview));
    Judged judged{TRY(question_for(schema, question)), {}, {}};
    auto all = TRY(store::read_judgements(connection, schema, {judged.question}, parts));
    judged.judgements = std::move(all.front());
    if (with_lengths) {
      judged.lengths = TRY(store::candidate_lengths(connection, schema, judged.judgements));
    }
    return judged;
  };
  return answer_read(call.database(), read);
}

OrderedJson signs_json(const Judgements& judgements, const feedback::RaterSigns& signs) {
  const store::Judge& judge = judgements.raters[static_cast<size_t>(signs.rater)];
  OrderedJson names = OrderedJson::array();
  if (signs.too_fast) names.push_back("too_fast");
  if (signs.constant) names.push_back("constant");
  if (signs.fails_gold) names.push_back("fails_gold");
  return {{"user_id", judge.user_id},
          {"username", judge.username},
          {"answers", signs.answers},
          {"median_seconds", number_json(signs.median_seconds)},
          {"fast_rate", number_json(signs.fast_rate)},
          {"commonest_share", signs.commonest_share},
          {"others_commonest_share", number_json(signs.others_commonest_share)},
          {"gold_rate", number_json(signs.gold_rate)},
          {"agreement", number_json(signs.agreement)},
          {"signs", std::move(names)}};
}

Answer<http::Response> annotators(const Call& call) {
  const std::string id = TRY(call.path_id("dataset_id"));
  const OrderedJson asked = query_json(call.request.query);
  SchemaReader query(asked, "query");
  const std::string name = query.text_or("question", "");
  feedback::RaterOptions options;
  const auto share = [&](const char* key, double& value) {
    value = query.number_or_null(key, {.ge = 0, .le = 1}).value_or(value);
  };
  share("fast_share", options.fast_share);
  share("fast_rate_max", options.fast_rate_max);
  share("constant_share", options.constant_share);
  share("gold_rate_min", options.gold_rate_min);
  options.answers_min = query.integer_or("answers_min", options.answers_min, {.ge = 1});
  query.no_others();
  TRY(query.done());
  const Judged judged = TRY(read_judged(call, id, name, {.origins = true, .gold = true}, false));
  const Judgements& judgements = judged.judgements;
  std::vector<feedback::RaterAnswer> answers;
  for (const CodedAnswer& answer : judgements.answers) {
    const int gold = judgements.items[static_cast<size_t>(answer.item)].gold;
    answers.push_back({answer.item, answer.rater, answer.category, answer.seconds, gold});
  }
  const feedback::VoteSpace space = {std::ssize(judgements.items), std::ssize(judgements.raters),
                                     std::max(2, judgements.categories)};
  OrderedJson items = OrderedJson::array();
  for (const auto& signs : TRY(feedback::rater_signs(answers, space, options))) {
    items.push_back(signs_json(judgements, signs));
  }
  return http::json_response(
      200, {{"question", question_name_json(judged.question)}, {"items", std::move(items)}});
}

// Ranks of all candidates; nothing for an answer that leaves some out. Of a choice of the best:
// that one before all others, which are tied.
std::vector<int> whole_ranks(const Judgements& judgements, const CodedAnswer& answer) {
  std::vector<int> ranks;
  if (judgements.kind == domain::AnswerKind::kLabel) {
    ranks.assign(judgements.options.size(), 2);
    ranks[static_cast<size_t>(answer.category)] = 1;
    return ranks;
  }
  for (const double rank : answer.ranks) {
    if (std::isnan(rank)) return {};
    ranks.push_back(static_cast<int>(rank));
  }
  return ranks;
}

Answer<OrderedJson> position_json(const Judgements& judgements,
                                  const feedback::BootstrapOptions& bootstrap) {
  std::vector<feedback::ShownRanking> shown;
  for (const CodedAnswer& answer : judgements.answers) {
    std::vector<int> ranks = whole_ranks(judgements, answer);
    if (ranks.empty() || answer.shown.size() != ranks.size()) continue;
    shown.push_back({answer.item, answer.shown, std::move(ranks)});
  }
  OrderedJson json = {{"answers", shown.size()},
                      {"left_out", judgements.answers.size() - shown.size()}};
  if (shown.empty()) return json;
  const feedback::PositionBias bias = TRY(feedback::position_bias(shown, bootstrap));
  json["choices"] = bias.choices;
  json["first_chosen"] = bias.first_chosen;
  json["p_value"] = bias.p_value;
  json["first_share"] = interval_json(bias.first_share);
  json["mean_rank_by_place"] = bias.mean_rank_by_place;
  return json;
}

OrderedJson length_json(const Judged& judged, const feedback::BootstrapOptions& bootstrap) {
  if (judged.lengths.empty()) return nullptr;
  std::vector<feedback::LengthPair> pairs;
  for (const CodedAnswer& answer : judged.judgements.answers) {
    const std::vector<int> ranks = whole_ranks(judged.judgements, answer);
    const std::vector<double>& lengths = judged.lengths[static_cast<size_t>(answer.item)];
    for (size_t i = 0; i < ranks.size(); ++i) {
      for (size_t j = 0; j < ranks.size(); ++j) {
        if (ranks[i] >= ranks[j] || std::isnan(lengths[i]) || std::isnan(lengths[j])) continue;
        pairs.push_back({answer.item, lengths[i], lengths[j]});
      }
    }
  }
  const feedback::LengthBias bias = feedback::length_bias(pairs, bootstrap);
  return {{"pairs", pairs.size()},
          {"longer", bias.longer},
          {"shorter", bias.shorter},
          {"equal", bias.equal},
          {"p_value", bias.p_value},
          {"longer_share", interval_json(bias.longer_share)},
          {"mean_difference", bias.mean_difference}};
}

Answer<http::Response> bias(const Call& call) {
  const std::string id = TRY(call.path_id("dataset_id"));
  const OrderedJson asked = query_json(call.request.query);
  SchemaReader query(asked, "query");
  const std::string name = query.text_or("question", "");
  feedback::BootstrapOptions bootstrap = read_bootstrap(query);
  bootstrap.resamples = std::max<int64_t>(1, bootstrap.resamples);
  query.no_others();
  TRY(query.done());
  const Judged judged = TRY(read_judged(call, id, name, {.origins = true}, true));
  const auto kind = judged.judgements.kind;
  if (kind != domain::AnswerKind::kRanking && kind != domain::AnswerKind::kLabel) {
    return detail(422, fmt::format("question `{}` compares no candidates: bias of place and length "
                                   "is of rankings, and of labels that name the best candidate",
                                   judged.question.name));
  }
  OrderedJson position = TRY(position_json(judged.judgements, bootstrap));
  return http::json_response(200,
                             {{"question", question_name_json(judged.question)},
                              {"position", std::move(position)},
                              {"length", length_json(judged, bootstrap)}});
}

Answer<http::Response> power(const Call& call) {
  const OrderedJson asked = query_json(call.request.query);
  SchemaReader query(asked, "query");
  const double win_rate = query.number("win_rate", {.gt = 0, .lt = 1});
  feedback::PowerOptions options;
  options.level = query.number_or_null("level", {.gt = 0, .lt = 1}).value_or(options.level);
  options.power = query.number_or_null("power", {.gt = 0, .lt = 1}).value_or(options.power);
  options.tie_rate = query.number_or_null("tie_rate", {.ge = 0, .lt = 1}).value_or(0);
  query.no_others();
  TRY(query.done());
  // TRY does not stand in a list of initial values: GCC 12 loses those before it when it returns.
  const auto comparisons = TRY(feedback::comparisons_needed(win_rate, options));
  return http::json_response(200, {{"comparisons", comparisons},
                                   {"win_rate", win_rate},
                                   {"level", options.level},
                                   {"power", options.power},
                                   {"tie_rate", options.tie_rate}});
}

}  // namespace

void add_judgement_endpoints(Endpoints& endpoints) {
  using enum http::Method;
  const std::string dataset = "/api/attune/v1/datasets/{dataset_id}";
  endpoints.push_back({kGet, dataset + "/agreement", Access::kReviewers,
                       "How far people agree on each question, beyond chance", agreement});
  endpoints.push_back({kGet, dataset + "/annotators", Access::kReviewers,
                       "Each annotator's speed, habits, gold records and agreement with the others",
                       annotators});
  endpoints.push_back({kGet, dataset + "/bias", Access::kReviewers,
                       "Whether the place on the screen, or the length, was preferred", bias});
  endpoints.push_back({kGet, "/api/attune/v1/power", Access::kAnyone,
                       "How many comparisons tell a win rate from one half", power});
}

}  // namespace attune::api
