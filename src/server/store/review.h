// Answers that stand above those of single people: what a reviewer decided on where they disagree
// (adjudications), and what is known to be right (gold records), by which people are measured.
// Both are one for each record and have the form of a submitted answer's values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "server/domain/dataset.h"
#include "server/store/database.h"

namespace attune::store {

enum class Verdict { kAdjudication, kGold };

struct Decision {
  int64_t record = 0;
  std::string record_id, user_id;  // user_id: who decided
  OrderedJson values;
  std::optional<std::string> note;
  std::string at;
};

Result<std::optional<Decision>> find_decision(Connection& connection, Verdict verdict,
                                              int64_t record);
// In the order of the records, those behind `after`.
Result<std::vector<Decision>> list_decisions(Connection& connection, Verdict verdict,
                                             const domain::Dataset& dataset, int64_t after,
                                             int64_t limit);
// Makes or replaces it.
Status put_decision(Connection& connection, Verdict verdict, const domain::Dataset& dataset,
                    const Decision& decision);
// Gives whether there was one.
Result<bool> delete_decision(Connection& connection, Verdict verdict, int64_t record);

// Records whose submitted answers, two or more, agree less than `below` and were not adjudicated:
// up to `limit` of those behind `after`. `last`: how far the search went; no more where it is 0.
struct Disagreement {
  int64_t record = 0;
  std::string record_id;
  int64_t answers = 0;
  double agreement = 0;
};
struct Disagreements {
  std::vector<Disagreement> items;
  int64_t last = 0;
};
Result<Disagreements> find_disagreements(Connection& connection, const domain::Schema& schema,
                                         double below, int64_t after, int64_t limit);

// How a person's answers to gold records agree with them, in the mean over those that can be
// compared (texts and spans cannot). A gold record has an answer: to discard it agrees with 0.
struct GoldScore {
  std::string user_id, username;  // the id for a person who was deleted
  int64_t answers = 0;            // submitted or discarded
  int64_t discarded = 0, compared = 0;
  double agreement = 0;
};
// Of one person, or of all who answered one, by name.
Result<std::vector<GoldScore>> gold_scores(Connection& connection, const domain::Schema& schema,
                                           const std::optional<std::string>& user_id);
// Gold records that the person has not answered, in their order.
Result<std::vector<int64_t>> open_gold(Connection& connection, const domain::Dataset& dataset,
                                       const std::string& user_id, int64_t limit);

}  // namespace attune::store
