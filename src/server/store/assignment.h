// Who works on what: rules, leases and skips of a data set, and the search for the next record of a
// person. One write finds and leases, so two people never take the same place.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "server/domain/assignment.h"
#include "server/store/database.h"

namespace attune::store {

// Those that were set.
Result<std::optional<domain::AssignmentRules>> find_rules(Connection& connection,
                                                          const domain::Dataset& dataset);
// Those, or the defaults.
Result<domain::AssignmentRules> load_rules(Connection& connection, const domain::Dataset& dataset);
Status save_rules(Connection& connection, const domain::Dataset& dataset,
                  const domain::AssignmentRules& rules);

struct Lease {
  int64_t record = 0;
  std::string user_id, expires_at;
  OrderedJson shown_order;
};
// That of a person on a record, expired or not.
Result<std::optional<Lease>> find_lease(Connection& connection, int64_t record,
                                        const std::string& user_id);
// Makes it, or makes it last longer; the order that was shown first stays.
Status put_lease(Connection& connection, const domain::Dataset& dataset, const Lease& lease);
// Gives whether there was one.
Result<bool> delete_lease(Connection& connection, int64_t record, const std::string& user_id);
// Those of a person that are of no use any more: expired ones, and of records that were answered.
Status sweep_leases(Connection& connection, const domain::Dataset& dataset,
                    const std::string& user_id, const std::string& now);

// The records that a person holds and has not answered, as they were taken.
Result<std::vector<int64_t>> held_records(Connection& connection, const domain::Dataset& dataset,
                                          const std::string& user_id, const std::string& now);

struct OpenRecords {
  std::string user_id, now;
  std::optional<domain::AssignmentScope> only;
  int64_t limit = 1;
};
// Records that the person may take (domain/assignment.h says which), in the order of making,
// those first of which they have a draft, whose lease ran out, then beginning behind the last one
// that they answered, then from the start: whoever has answered ten thousand does not look through
// them again. The schema's overlap counts.
Result<std::vector<int64_t>> open_records(Connection& connection, const domain::Schema& schema,
                                          const OpenRecords& wanted);

Status put_skip(Connection& connection, const domain::Dataset& dataset, int64_t record,
                const std::string& user_id, const std::optional<std::string>& reason);
Result<int64_t> count_skips(Connection& connection, const domain::Dataset& dataset,
                            const std::string& user_id);
// Takes back all skips of a person: the records are offered again. Gives their number.
Result<int64_t> delete_skips(Connection& connection, const domain::Dataset& dataset,
                             const std::string& user_id);

// Records that these people hold and have not answered, together.
Result<int64_t> count_held(Connection& connection, const domain::Dataset& dataset,
                           const std::vector<std::string>& user_ids, const std::string& now);
// Submitted answers of these people together.
Result<int64_t> count_submitted(Connection& connection, const domain::Dataset& dataset,
                                const std::vector<std::string>& user_ids);

}  // namespace attune::store
