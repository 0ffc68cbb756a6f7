#include "server/api/judgement/aggregates.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "feedback/dawid_skene.h"
#include "feedback/mace.h"
#include "feedback/votes.h"
#include "server/api/judgement/aggregate_rankings.h"
#include "server/api/judgement/judged_question.h"

namespace attune::api {
namespace {

using domain::AnswerKind;
using domain::CodedAnswer;
using feedback::Consensus;
using feedback::Vote;
using feedback::VoteSpace;
using store::Judgements;

struct Voted {
  std::vector<Consensus> items;
  OrderedJson model = nullptr;
  std::vector<OrderedJson> annotators;
};

Voted of_dawid_skene(const feedback::DawidSkene& found, uint64_t seed) {
  Voted voted{feedback::consensus_of(found.posteriors, seed), nullptr, {}};
  voted.model = {{"class_shares", found.class_shares},
                 {"log_likelihood", number_json(found.log_likelihood)},
                 {"iterations", found.iterations},
                 {"converged", found.converged}};
  for (const auto& matrix : found.confusion) voted.annotators.push_back({{"confusion", matrix}});
  return voted;
}

Voted of_mace(const feedback::Mace& found, uint64_t seed) {
  Voted voted{feedback::consensus_of(found.posteriors, seed), nullptr, {}};
  voted.model = {{"log_likelihood", number_json(found.log_likelihood)},
                 {"iterations", found.iterations},
                 {"converged", found.converged}};
  for (size_t rater = 0; rater < found.spamming.size(); ++rater) {
    voted.annotators.push_back(
        {{"competence", 1 - found.spamming[rater]}, {"habits", found.habits[rater]}});
  }
  return voted;
}

Result<Voted> vote(const std::string& method, const std::vector<Vote>& votes,
                   const VoteSpace& space, uint64_t seed) {
  if (method == "dawid_skene") {
    return of_dawid_skene(TRY(feedback::dawid_skene(votes, space)), seed);
  }
  if (method == "mace") {
    return of_mace(TRY(feedback::mace(votes, space, {.seed = seed})), seed);
  }
  return Voted{TRY(feedback::majority(votes, space, seed)), nullptr, {}};
}

VoteSpace space_of(const Judgements& judgements, int classes) {
  return {std::ssize(judgements.items), std::ssize(judgements.raters), std::max(2, classes)};
}

Result<Aggregate> aggregate_labels(const Judgements& judgements, const AggregateOptions& options) {
  std::vector<Vote> votes;
  for (const CodedAnswer& answer : judgements.answers) {
    votes.push_back({answer.item, answer.rater, answer.category});
  }
  Voted voted =
      TRY(vote(options.method, votes, space_of(judgements, judgements.categories), options.seed));
  Aggregate found{options.method, std::move(voted.model), std::move(voted.annotators), {}};
  for (const Consensus& one : voted.items) {
    OrderedJson shares = OrderedJson::array();
    for (size_t k = 0; k < judgements.options.size(); ++k) {
      shares.push_back({{"value", judgements.options[k]}, {"share", one.shares[k]}});
    }
    found.items.push_back({{"value", judgements.options.at(static_cast<size_t>(one.label))},
                           {"tied", one.tied},
                           {"shares", std::move(shares)}});
  }
  return found;
}

// Each label by itself: given or not. The share is that of "given".
Result<Aggregate> aggregate_sets(const Judgements& judgements, const AggregateOptions& options) {
  Aggregate found{options.method, nullptr, {}, {}};
  found.items.assign(judgements.items.size(), {{"value", OrderedJson::array()},
                                               {"tied", false},
                                               {"shares", OrderedJson::array()}});
  if (options.method != "majority") found.model = {{"labels", OrderedJson::array()}};
  for (size_t k = 0; k < judgements.options.size(); ++k) {
    std::vector<Vote> votes;
    for (const CodedAnswer& answer : judgements.answers) {
      const bool given = std::binary_search(answer.labels.begin(), answer.labels.end(),
                                            static_cast<int>(k));
      votes.push_back({answer.item, answer.rater, given ? 1 : 0});
    }
    // A seed of its own for each label, or ties of all labels would fall the same way.
    Voted voted = TRY(vote(options.method, votes, space_of(judgements, 2), options.seed + k));
    for (size_t item = 0; item < found.items.size(); ++item) {
      const Consensus& one = voted.items[item];
      if (one.label == 1) found.items[item]["value"].push_back(judgements.options[k]);
      if (one.tied) found.items[item]["tied"] = true;
      found.items[item]["shares"].push_back(
          {{"value", judgements.options[k]}, {"share", one.shares[1]}});
    }
    if (voted.model.is_null()) continue;
    voted.model["value"] = judgements.options[k];
    found.model["labels"].push_back(std::move(voted.model));
    found.annotators.resize(judgements.raters.size(), {{"labels", OrderedJson::array()}});
    for (size_t rater = 0; rater < voted.annotators.size(); ++rater) {
      voted.annotators[rater]["value"] = judgements.options[k];
      found.annotators[rater]["labels"].push_back(std::move(voted.annotators[rater]));
    }
  }
  return found;
}

// The methods that fit, the default first.
std::vector<std::string> methods_of(AnswerKind kind) {
  if (kind == AnswerKind::kFree) return {};
  if (kind == AnswerKind::kRanking) return {"bradley_terry", "plackett_luce", "crowd_bt"};
  return {"majority", "dawid_skene", "mace"};
}

}  // namespace

Result<Aggregate> aggregate(const domain::Question& question, const store::Judgements& judgements,
                            const AggregateOptions& asked) {
  const std::vector<std::string> methods = methods_of(judgements.kind);
  if (methods.empty()) {
    return invalid_input("answers to question `{}` are free: nothing can be said of them together",
                         question.name);
  }
  AggregateOptions options = asked;
  if (options.method.empty()) options.method = methods.front();
  if (std::find(methods.begin(), methods.end(), options.method) == methods.end()) {
    return invalid_input("method `{}` does not fit question `{}` ({}): use one of {}",
                         options.method, question.name, domain::type_of(question.settings),
                         fmt::join(methods, ", "));
  }
  if (judgements.answers.empty()) {
    return invalid_input("nobody has submitted an answer to question `{}` yet", question.name);
  }
  switch (judgements.kind) {
    case AnswerKind::kRanking: return aggregate_rankings(judgements, options);
    case AnswerKind::kLabelSet: return aggregate_sets(judgements, options);
    default: return aggregate_labels(judgements, options);
  }
}

}  // namespace attune::api
