#include "server/store/review.h"

#include <algorithm>

#include "server/domain/agreement.h"

namespace attune::store {
namespace {

std::string table_of(Verdict verdict) {
  return verdict == Verdict::kGold ? "gold_records" : "adjudications";
}

std::string select_from(Verdict verdict) {
  return "SELECT d.record, r.id, d.user_id, d.answer, d.note, d.at FROM " + table_of(verdict) +
         " d JOIN records r ON r.position = d.record ";
}

Result<Decision> decision_of(const Row& row) {
  Decision decision;
  decision.record = row.integer(0);
  decision.record_id = row.text(1);
  decision.user_id = row.text(2);
  decision.values = TRY(parse_ordered_json(row.text(3)));
  decision.note = row.text_or_null(4);
  decision.at = row.text(5);
  return decision;
}

}  // namespace

Result<std::optional<Decision>> find_decision(Connection& connection, Verdict verdict,
                                              int64_t record) {
  Rows rows = TRY(connection.run(select_from(verdict) + "WHERE d.record = $1", {record}));
  if (rows.empty()) return std::optional<Decision>();
  return std::optional(TRY(decision_of(rows[0])));
}

Result<std::vector<Decision>> list_decisions(Connection& connection, Verdict verdict,
                                             const domain::Dataset& dataset, int64_t after,
                                             int64_t limit) {
  std::vector<Decision> all;
  for (const Row& row : TRY(connection.run(
           select_from(verdict) +
               "WHERE d.dataset = $1 AND d.record > $2 ORDER BY d.record LIMIT $3",
           {dataset.position, after, limit}))) {
    all.push_back(TRY(decision_of(row)));
  }
  return all;
}

Status put_decision(Connection& connection, Verdict verdict, const domain::Dataset& dataset,
                    const Decision& decision) {
  TRY(connection.run("INSERT INTO " + table_of(verdict) +
                         " (record, dataset, user_id, answer, note, at) VALUES ($1, $2, $3, $4, "
                         "$5, $6) ON CONFLICT (record) DO UPDATE SET user_id = excluded.user_id, "
                         "answer = excluded.answer, note = excluded.note, at = excluded.at",
                     {decision.record, dataset.position, decision.user_id,
                      to_line(decision.values), or_null(decision.note), decision.at}));
  return {};
}

Result<bool> delete_decision(Connection& connection, Verdict verdict, int64_t record) {
  TRY(connection.run("DELETE FROM " + table_of(verdict) + " WHERE record = $1", {record}));
  return connection.changed() > 0;
}

Result<Disagreements> find_disagreements(Connection& connection, const domain::Schema& schema,
                                         double below, int64_t after, int64_t limit) {
  constexpr int64_t kPage = 500;
  Disagreements found;
  while (true) {
    // The records of a page and their answers, record by record.
    Rows rows = TRY(connection.run(
        "SELECT p.position, p.id, a.response_values FROM (SELECT r.position, r.id FROM records r "
        "WHERE r.dataset = $1 AND r.position > $2 AND (SELECT COUNT(*) FROM responses c WHERE "
        "c.record = r.position AND c.status = 'submitted') >= 2 AND NOT EXISTS (SELECT 1 FROM "
        "adjudications j WHERE j.record = r.position) ORDER BY r.position LIMIT $3) p JOIN "
        "responses a ON a.record = p.position AND a.status = 'submitted' ORDER BY p.position",
        {schema.dataset.position, after, kPage}));
    if (rows.empty()) return found;
    for (size_t i = 0; i < rows.size();) {
      const size_t first = i;
      std::vector<OrderedJson> answers;
      for (; i < rows.size() && rows[i].integer(0) == rows[first].integer(0); ++i) {
        answers.push_back(TRY(parse_ordered_json(rows[i].text(2))));
      }
      after = rows[first].integer(0);
      const auto agreement = domain::record_agreement(schema.questions, answers);
      if (!agreement || *agreement >= below) continue;
      found.items.push_back({after, rows[first].text(1), static_cast<int64_t>(answers.size()),
                             *agreement});
      if (static_cast<int64_t>(found.items.size()) == limit) {
        found.last = after;
        return found;
      }
    }
  }
}

Result<std::vector<GoldScore>> gold_scores(Connection& connection, const domain::Schema& schema,
                                           const std::optional<std::string>& user_id) {
  std::string sql =
      "SELECT a.user_id, COALESCE(u.username, a.user_id) AS name, g.answer, a.response_values, "
      "a.status FROM gold_records g JOIN responses a ON a.record = g.record AND a.status <> "
      "'draft' "
      "LEFT JOIN users u ON u.id = a.user_id WHERE g.dataset = $1 ";
  std::vector<Value> values = {schema.dataset.position};
  if (user_id) {
    sql += "AND a.user_id = $2 ";
    values.emplace_back(*user_id);
  }
  std::vector<GoldScore> scores;
  for (const Row& row : TRY(connection.run(sql + "ORDER BY name, a.user_id", values))) {
    if (scores.empty() || scores.back().user_id != row.text(0)) {
      GoldScore& fresh = scores.emplace_back();
      fresh.user_id = row.text(0);
      fresh.username = row.text(1);
    }
    GoldScore& score = scores.back();
    ++score.answers;
    if (row.text(4) == "discarded") {
      ++score.discarded;
      ++score.compared;
      continue;
    }
    const auto agreement =
        domain::record_agreement(schema.questions, {TRY(parse_ordered_json(row.text(2))),
                                                    TRY(parse_ordered_json(row.text(3)))});
    if (!agreement) continue;
    score.agreement += *agreement;
    ++score.compared;
  }
  for (GoldScore& score : scores) {
    if (score.compared > 0) score.agreement /= static_cast<double>(score.compared);
  }
  return scores;
}

Result<std::vector<int64_t>> open_gold(Connection& connection, const domain::Dataset& dataset,
                                       const std::string& user_id, int64_t limit) {
  std::vector<int64_t> records;
  for (const Row& row : TRY(connection.run(
           "SELECT g.record FROM gold_records g WHERE g.dataset = $1 AND NOT EXISTS (SELECT 1 FROM "
           "responses a WHERE a.record = g.record AND a.user_id = $2 AND a.status <> 'draft') "
           "ORDER BY g.record LIMIT $3",
           {dataset.position, user_id, limit}))) {
    records.push_back(row.integer(0));
  }
  return records;
}

}  // namespace attune::store
