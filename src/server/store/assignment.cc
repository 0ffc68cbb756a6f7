#include "server/store/assignment.h"

#include "server/domain/identity.h"
#include "server/store/statements.h"

namespace attune::store {
namespace {

// Records of $1 behind $2 that person $3 may take at the time $4, of which $5 answers are wanted at
// least; r is the record.
const std::string kOpen =
    "SELECT r.position FROM records r WHERE r.dataset = $1 AND r.completed = 0 AND r.position > $2 "
    "AND NOT EXISTS (SELECT 1 FROM skips s WHERE s.record = r.position AND s.user_id = $3) "
    "AND NOT EXISTS (SELECT 1 FROM leases o WHERE o.record = r.position AND o.user_id = $3) ";

// Those that the person has begun: a draft outlives its lease. By its index, of few.
const std::string kBegun =
    "AND r.position IN (SELECT a.record FROM responses a WHERE a.dataset = $1 AND a.user_id = $3 "
    "AND a.status = 'draft') ";
const std::string kNew =
    "AND NOT EXISTS (SELECT 1 FROM responses a WHERE a.record = r.position AND a.user_id = $3) ";

// Others' leases that were not answered yet.
const std::string kLeases =
    "FROM leases l WHERE l.record = r.position AND l.expires_at > $4 AND NOT "
    "EXISTS (SELECT 1 FROM responses d WHERE d.record = l.record AND d.user_id = l.user_id AND "
    "d.status <> 'draft')";

std::string counted_answers(const domain::Dataset& dataset) {
  return std::string(
             "(SELECT COUNT(*) FROM responses c WHERE c.record = r.position AND c.status ") +
         (dataset.discards_complete ? "IN ('submitted', 'discarded'))" : "= 'submitted')");
}

// The position of the last record that the person answered, 0 without one.
Result<int64_t> last_answered(Connection& connection, const domain::Dataset& dataset,
                              const std::string& user_id) {
  int64_t last = 0;
  for (const char* status : {"submitted", "discarded", "draft"}) {
    Rows rows = TRY(connection.run(
        "SELECT record FROM responses WHERE dataset = $1 AND user_id = $2 AND status = $3 "
        "ORDER BY record DESC LIMIT 1",
        {dataset.position, user_id, std::string(status)}));
    if (!rows.empty()) last = std::max(last, rows[0].integer(0));
  }
  return last;
}

}  // namespace

Result<std::optional<domain::AssignmentRules>> find_rules(Connection& connection,
                                                          const domain::Dataset& dataset) {
  Rows rows = TRY(connection.run("SELECT rules FROM assignment_rules WHERE dataset = $1",
                                 {dataset.position}));
  if (rows.empty()) return std::optional<domain::AssignmentRules>();
  const OrderedJson rules = TRY(parse_ordered_json(rows[0].text(0)));
  return std::optional(TRY(domain::assignment_rules_of(rules)));
}

Result<domain::AssignmentRules> load_rules(Connection& connection, const domain::Dataset& dataset) {
  return TRY(find_rules(connection, dataset)).value_or(domain::AssignmentRules());
}

Status save_rules(Connection& connection, const domain::Dataset& dataset,
                  const domain::AssignmentRules& rules) {
  TRY(connection.run(
      "INSERT INTO assignment_rules (dataset, rules, updated_at) VALUES ($1, $2, $3) "
      "ON CONFLICT (dataset) DO UPDATE SET rules = excluded.rules, updated_at = "
      "excluded.updated_at",
      {dataset.position, to_line(domain::to_json(rules)), domain::now()}));
  return {};
}

Result<std::optional<Lease>> find_lease(Connection& connection, int64_t record,
                                        const std::string& user_id) {
  Rows rows = TRY(connection.run(
      "SELECT expires_at, shown_order FROM leases WHERE record = $1 AND user_id = $2",
      {record, user_id}));
  if (rows.empty()) return std::optional<Lease>();
  OrderedJson shown_order = TRY(parse_ordered_json(rows[0].text(1)));
  return std::optional(Lease{record, user_id, rows[0].text(0), std::move(shown_order)});
}

Status put_lease(Connection& connection, const domain::Dataset& dataset, const Lease& lease) {
  TRY(connection.run(
      "INSERT INTO leases (record, user_id, dataset, expires_at, shown_order, inserted_at) "
      "VALUES ($1, $2, $3, $4, $5, $6) "
      "ON CONFLICT (record, user_id) DO UPDATE SET expires_at = excluded.expires_at",
      {lease.record, lease.user_id, dataset.position, lease.expires_at, to_line(lease.shown_order),
       domain::now()}));
  return {};
}

Result<bool> delete_lease(Connection& connection, int64_t record, const std::string& user_id) {
  TRY(connection.run("DELETE FROM leases WHERE record = $1 AND user_id = $2", {record, user_id}));
  return connection.changed() > 0;
}

Status sweep_leases(Connection& connection, const domain::Dataset& dataset,
                    const std::string& user_id, const std::string& now) {
  TRY(connection.run(
      "DELETE FROM leases WHERE dataset = $1 AND user_id = $2 AND (expires_at <= $3 OR EXISTS "
      "(SELECT 1 FROM responses a WHERE a.record = leases.record AND a.user_id = $2 AND a.status "
      "<> 'draft'))",
      {dataset.position, user_id, now}));
  return {};
}

Result<std::vector<int64_t>> held_records(Connection& connection, const domain::Dataset& dataset,
                                          const std::string& user_id, const std::string& now) {
  std::vector<int64_t> records;
  for (const Row& row : TRY(connection.run(
           "SELECT l.record FROM leases l JOIN records r ON r.position = l.record WHERE l.dataset "
           "= $1 AND l.user_id = $2 AND l.expires_at > $3 AND NOT EXISTS (SELECT 1 FROM responses "
           "a WHERE a.record = l.record AND a.user_id = $2 AND a.status <> 'draft') "
           "ORDER BY l.inserted_at, l.record",
           {dataset.position, user_id, now}))) {
    records.push_back(row.integer(0));
  }
  return records;
}

Result<std::vector<int64_t>> open_records(Connection& connection, const domain::Schema& schema,
                                          const OpenRecords& wanted) {
  const domain::Dataset& dataset = schema.dataset;
  // Where enough have answered and the record is pending all the same, its answers disagree: one
  // more at a time.
  // Where one answer is enough a lease decides alone, and many leases are passed over quickly.
  std::string sql = "AND (NOT EXISTS (SELECT 1 " + kLeases + ") OR ($5 > 1 AND (SELECT " +
                    "COUNT(*) " + kLeases + ") + " + counted_answers(dataset) + " < $5)) ";
  std::vector<Value> values = {dataset.position, int64_t{0}, wanted.user_id, wanted.now,
                               dataset.min_submitted, wanted.limit};
  if (wanted.only) {
    const domain::MetadataProperty* property =
        domain::metadata_property_named(schema, wanted.only->property);
    if (!property) return std::vector<int64_t>();  // it was deleted since: nothing fits
    values.emplace_back(property->position);
    sql += "AND EXISTS (SELECT 1 FROM metadata_values m WHERE m.record = r.position AND m.property "
           "= $7 AND m.term IN (";
    for (size_t i = 0; i < wanted.only->terms.size(); ++i) {
      values.emplace_back(wanted.only->terms[i]);
      sql += (i > 0 ? ", $" : "$") + std::to_string(values.size());
    }
    sql += ")) ";
  }
  sql += "ORDER BY r.position LIMIT $6";
  std::vector<int64_t> records;
  for (const Row& row : TRY(connection.run(kOpen + kBegun + sql, values))) {
    records.push_back(row.integer(0));
  }
  const int64_t last = TRY(last_answered(connection, dataset, wanted.user_id));
  for (int64_t behind : {last, int64_t{0}}) {
    if (static_cast<int64_t>(records.size()) == wanted.limit) break;
    values[1] = behind;
    for (const Row& row : TRY(connection.run(kOpen + kNew + sql, values))) {
      if (static_cast<int64_t>(records.size()) == wanted.limit) break;
      if (behind < last && row.integer(0) > last) break;  // seen in the first round
      records.push_back(row.integer(0));
    }
    if (last == 0) break;
  }
  return records;
}

Status put_skip(Connection& connection, const domain::Dataset& dataset, int64_t record,
                const std::string& user_id, const std::optional<std::string>& reason) {
  TRY(connection.run(
      "INSERT INTO skips (record, user_id, dataset, reason, at) VALUES ($1, $2, $3, $4, $5) "
      "ON CONFLICT (record, user_id) DO UPDATE SET reason = excluded.reason, at = excluded.at",
      {record, user_id, dataset.position, or_null(reason), domain::now()}));
  return {};
}

Result<int64_t> count_skips(Connection& connection, const domain::Dataset& dataset,
                            const std::string& user_id) {
  Rows rows = TRY(connection.run("SELECT COUNT(*) FROM skips WHERE dataset = $1 AND user_id = $2",
                                 {dataset.position, user_id}));
  return rows.at(0).integer(0);
}

Result<int64_t> delete_skips(Connection& connection, const domain::Dataset& dataset,
                             const std::string& user_id) {
  TRY(connection.run("DELETE FROM skips WHERE dataset = $1 AND user_id = $2",
                     {dataset.position, user_id}));
  return connection.changed();
}

Result<int64_t> count_submitted(Connection& connection, const domain::Dataset& dataset,
                                const std::vector<std::string>& user_ids) {
  int64_t count = 0;
  for (const std::string& user_id : user_ids) {
    Rows rows = TRY(connection.run(
        "SELECT COUNT(*) FROM responses WHERE dataset = $1 AND user_id = $2 AND status = "
        "'submitted'",
        {dataset.position, user_id}));
    count += rows.at(0).integer(0);
  }
  return count;
}

Result<int64_t> count_held(Connection& connection, const domain::Dataset& dataset,
                           const std::vector<std::string>& user_ids, const std::string& now) {
  int64_t count = 0;
  for (const Row& row : TRY(run_in(
           connection,
           "SELECT COUNT(*) FROM leases l JOIN records r ON r.position = l.record WHERE l.dataset "
           "= $1 AND l.expires_at > $2 AND NOT EXISTS (SELECT 1 FROM responses a WHERE a.record = "
           "l.record AND a.user_id = l.user_id AND a.status <> 'draft') AND l.user_id IN ",
           as_values(user_ids), "", {dataset.position, now}))) {
    count += row.integer(0);
  }
  return count;
}

}  // namespace attune::store
