#include "server/store/export_pages.h"

#include <set>

#include "server/store/statements.h"

namespace attune::store {
namespace {

Status add_origins(Connection& connection, ExportPage& page) {
  std::vector<Value> answered;
  for (const domain::Record& record : page.records) {
    if (!record.responses.empty()) answered.emplace_back(record.id);
  }
  for (const Row& row : TRY(run_in(connection,
                                   "SELECT response_id, guideline_version, seconds_spent, "
                                   "shown_order, action FROM response_history WHERE record_id IN ",
                                   answered, " ORDER BY number"))) {
    AnswerOrigin origin;
    if (!row.is_null(1)) origin.guideline_version = row.integer(1);
    if (!row.is_null(2)) origin.seconds_spent = row.real(2);
    if (!row.is_null(3)) origin.shown_order = TRY(parse_ordered_json(row.text(3)));
    page.origins.insert_or_assign(row.text(0), std::move(origin));
  }
  return {};
}

Status add_usernames(Connection& connection, ExportPage& page) {
  std::set<std::string> ids;
  for (const domain::Record& record : page.records) {
    for (const domain::Response& one : record.responses) ids.insert(one.user_id.value_or(""));
  }
  const std::vector<Value> keys(ids.begin(), ids.end());
  for (const Row& row :
       TRY(run_in(connection, "SELECT id, username FROM users WHERE id IN ", keys))) {
    page.usernames[row.text(0)] = row.text(1);
  }
  return {};
}

}  // namespace

Result<ExportPage> export_page(Connection& connection, const domain::Schema& schema, int64_t after,
                               int64_t limit, const RecordParts& parts) {
  std::vector<int64_t> positions;
  for (const Row& row :
       TRY(connection.run("SELECT position FROM records WHERE dataset = $1 AND position > $2 "
                          "ORDER BY position LIMIT $3",
                          {schema.dataset.position, after, limit}))) {
    positions.push_back(row.integer(0));
  }
  ExportPage page;
  page.records = TRY(records_at(connection, schema, positions, parts));
  TRY(add_origins(connection, page));
  TRY(add_usernames(connection, page));
  return page;
}

}  // namespace attune::store
