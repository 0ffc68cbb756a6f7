// How a data set's work is given out: who may take how much of it, for how long a record is theirs,
// and in which order the candidates are shown. Rules, no I/O; store/assignment.h finds the record.
//
// A person is offered pending records that they have neither answered nor skipped, while fewer
// people hold or have answered a record than it wants. How many it wants is the data set's rule:
// min_submitted and, where answers disagree, more one by one up to overlap_max
// (store/completion.h).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "server/domain/dataset.h"

namespace attune::domain {

inline constexpr int64_t kLeaseSecondsMax = 7 * 24 * 3600;

// Records whose terms property has one of these values.
struct AssignmentScope {
  std::string property;
  std::vector<std::string> terms;
};

// People who share a quota, a part of the records, or both.
struct AssignmentGroup {
  std::string name;
  std::vector<std::string> members;  // ids of users
  std::optional<int64_t> quota;      // submitted answers of all members together
  std::optional<AssignmentScope> only;
};

// Gold records that a person answers before all others, and how far the answers must agree with
// the known ones (domain/agreement.h), in the mean, for work to be given out after that.
struct Onboarding {
  int64_t records = 1;
  double min_agreement = 0;
};

struct AssignmentRules {
  int64_t lease_seconds = 900;
  std::optional<int64_t> quota;           // submitted answers of each person
  std::map<std::string, int64_t> quotas;  // of single persons, instead of that
  std::optional<int64_t> skips_max;       // of each person
  bool blind = true;  // candidates are shuffled, and who suggested what is not told
  std::optional<Onboarding> onboarding;
  std::vector<AssignmentGroup> groups;
};

OrderedJson to_json(const AssignmentRules& rules);
// Of what to_json wrote. Errors: kInternal, for text that it did not.
Result<AssignmentRules> assignment_rules_of(const OrderedJson& json);

// Group names differ, a person is in one group at most, scopes name a terms property.
Status check_assignment_rules(const Schema& schema, const AssignmentRules& rules);

const AssignmentGroup* group_of(const AssignmentRules& rules, const std::string& user_id);
std::optional<int64_t> quota_of(const AssignmentRules& rules, const std::string& user_id);

// {"question":["b","a","c"],...} for each question that compares candidates: rankings, and single
// labels whose options are all names of fields. Shuffled by the record, the person and the
// question, so that every order is equally likely, the same person sees the same order again, and
// it can be checked later. With rules that are not blind: the order of the options.
OrderedJson shown_order(const Schema& schema, bool blind, const std::string& record_id,
                        const std::string& user_id);
// What an answer may say about the order: null, an object of that form (of any questions with
// options), or a list where one question alone compares candidates; each list has every option of
// its question once.
Status check_shown_order(const Schema& schema, const OrderedJson& shown);

}  // namespace attune::domain
