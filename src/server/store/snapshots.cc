#include "server/store/snapshots.h"

#include <set>

#include "server/store/statements.h"

namespace attune::store {
namespace {

const std::string kSelect =
    "SELECT s.position, s.id, d.id, s.name, s.hash, s.records, s.answers, s.author_id, "
    "s.inserted_at, (SELECT COUNT(*) FROM snapshot_rows r WHERE r.snapshot = s.position AND "
    "r.forgotten = 1) FROM snapshots s JOIN datasets d ON d.position = s.dataset ";

domain::Snapshot snapshot_of(const Row& row) {
  domain::Snapshot snapshot;
  snapshot.position = row.integer(0);
  snapshot.id = row.text(1);
  snapshot.dataset_id = row.text(2);
  snapshot.name = row.text(3);
  snapshot.hash = row.text(4);
  snapshot.records = row.integer(5);
  snapshot.answers = row.integer(6);
  snapshot.author_id = row.text_or_null(7);
  snapshot.inserted_at = row.text(8);
  snapshot.forgotten = row.integer(9);
  return snapshot;
}

std::optional<domain::Snapshot> first_of(const Rows& rows) {
  if (rows.empty()) return std::nullopt;
  return snapshot_of(rows[0]);
}

// For LIKE: rows of the export that hold what this person decided on others' answers.
std::string decisions_of(const std::string& user_id) {
  return "%\"adjudication\":{\"user_id\":\"" + user_id + "\"%";
}

// Texts that no row has any more.
Status drop_orphans(Connection& connection, const Rows& contents) {
  std::vector<Value> keys;
  for (const Row& row : contents) keys.emplace_back(row.text(0));
  TRY(run_in(connection, "DELETE FROM snapshot_contents WHERE hash IN ", keys,
             " AND NOT EXISTS (SELECT 1 FROM snapshot_rows r WHERE r.content = "
             "snapshot_contents.hash)"));
  return {};
}

// Another text for all rows that have this one.
Result<int64_t> replace_text(Connection& connection, const std::string& content,
                             const std::string& text) {
  const std::string fresh = sha256_hex(text);
  TRY(connection.run("INSERT INTO snapshot_contents (hash, text) VALUES ($1, $2) "
                     "ON CONFLICT (hash) DO NOTHING",
                     {fresh, text}));
  TRY(connection.run("UPDATE snapshot_rows SET content = $2, forgotten = 1 WHERE content = $1",
                     {content, fresh}));
  const int64_t rows = connection.changed();
  TRY(connection.run("DELETE FROM snapshot_contents WHERE hash = $1", {content}));
  return rows;
}

}  // namespace

Result<std::optional<domain::Snapshot>> find_snapshot(Connection& connection,
                                                      const std::string& id) {
  return first_of(TRY(connection.run(kSelect + "WHERE s.id = $1", {id})));
}

Result<std::optional<domain::Snapshot>> find_snapshot_named(Connection& connection,
                                                            const domain::Dataset& dataset,
                                                            const std::string& name) {
  return first_of(TRY(connection.run(kSelect + "WHERE s.dataset = $1 AND s.name = $2",
                                     {dataset.position, name})));
}

Result<std::vector<domain::Snapshot>> list_snapshots(Connection& connection,
                                                     const domain::Dataset& dataset) {
  std::vector<domain::Snapshot> all;
  for (const Row& row : TRY(connection.run(kSelect + "WHERE s.dataset = $1 ORDER BY s.position",
                                           {dataset.position}))) {
    all.push_back(snapshot_of(row));
  }
  return all;
}

Status insert_snapshot(Connection& connection, const domain::Dataset& dataset,
                       domain::Snapshot& snapshot) {
  const Rows rows = TRY(connection.run(
      "INSERT INTO snapshots (id, dataset, name, hash, records, answers, author_id, inserted_at) "
      "VALUES ($1, $2, $3, '', 0, 0, $4, $5) RETURNING position",
      {snapshot.id, dataset.position, snapshot.name, or_null(snapshot.author_id),
       snapshot.inserted_at}));
  snapshot.position = rows.at(0).integer(0);
  return {};
}

Status add_snapshot_rows(Connection& connection, const domain::Snapshot& snapshot,
                         std::span<const SnapshotRow> rows) {
  std::vector<Value> texts, places;
  std::set<std::string> met;
  for (const SnapshotRow& row : rows) {
    const std::string content = sha256_hex(row.text);
    if (met.insert(content).second) texts.insert(texts.end(), {content, row.text});
    places.insert(places.end(), {snapshot.position, row.number, row.record_id, content});
  }
  TRY(insert_rows(connection, "INSERT INTO snapshot_contents (hash, text)", 2, texts,
                  " ON CONFLICT (hash) DO NOTHING"));
  TRY(insert_rows(connection,
                  "INSERT INTO snapshot_rows (snapshot, number, record_id, content)", 4, places));
  return {};
}

Status complete_snapshot(Connection& connection, const domain::Snapshot& snapshot) {
  TRY(connection.run(
      "UPDATE snapshots SET hash = $2, records = $3, answers = $4 WHERE position = $1",
      {snapshot.position, snapshot.hash, snapshot.records, snapshot.answers}));
  return {};
}

Result<std::vector<SnapshotRow>> snapshot_page(Connection& connection, int64_t snapshot,
                                               int64_t after, int64_t limit) {
  std::vector<SnapshotRow> page;
  for (const Row& row : TRY(connection.run(
           "SELECT r.number, r.record_id, c.text FROM snapshot_rows r "
           "JOIN snapshot_contents c ON c.hash = r.content WHERE r.snapshot = $1 AND "
           "r.number > $2 ORDER BY r.number LIMIT $3",
           {snapshot, after, limit}))) {
    page.push_back({row.integer(0), row.text(1), row.text(2)});
  }
  return page;
}

Status delete_snapshot(Connection& connection, const domain::Snapshot& snapshot) {
  const Rows contents = TRY(connection.run(
      "DELETE FROM snapshot_rows WHERE snapshot = $1 RETURNING content", {snapshot.position}));
  TRY(connection.run("DELETE FROM snapshots WHERE position = $1", {snapshot.position}));
  return drop_orphans(connection, contents);
}

Status delete_snapshots_of(Connection& connection, const domain::Dataset& dataset) {
  for (const domain::Snapshot& one : TRY(list_snapshots(connection, dataset))) {
    TRY(delete_snapshot(connection, one));
  }
  return {};
}

Result<int64_t> forget_in_snapshots(Connection& connection, std::span<const Value> record_ids) {
  int64_t forgotten = 0;
  for (const Row& row : TRY(run_in(connection,
                                   "SELECT DISTINCT r.record_id, r.content, c.text FROM "
                                   "snapshot_rows r JOIN snapshot_contents c ON c.hash = r.content "
                                   "WHERE r.record_id IN ",
                                   record_ids))) {
    const OrderedJson text = TRY(parse_ordered_json(row.text(2)));
    if (text.contains("forgotten")) continue;
    forgotten += TRY(replace_text(connection, row.text(1),
                                  domain::forgotten_row(row.text(0), row.text(2))));
  }
  return forgotten;
}

Result<bool> decided_in_snapshots(Connection& connection, const std::string& user_id) {
  return !TRY(connection.run("SELECT 1 FROM snapshot_contents WHERE text LIKE $1 LIMIT 1",
                             {decisions_of(user_id)}))
              .empty();
}

Result<int64_t> forget_person_in_snapshots(Connection& connection, const std::string& user_id) {
  int64_t forgotten = 0;
  for (const Row& row : TRY(connection.run(
           // What the person decided on others' answers stands in no history: it is looked for.
           "SELECT DISTINCT r.content, c.text FROM snapshot_rows r JOIN snapshot_contents c ON "
           "c.hash = r.content WHERE r.record_id IN (SELECT record_id FROM response_history WHERE "
           "user_id = $1) OR c.text LIKE $2",
           {user_id, decisions_of(user_id)}))) {
    const auto text = TRY(domain::without_person(row.text(1), user_id));
    if (text) forgotten += TRY(replace_text(connection, row.text(0), *text));
  }
  return forgotten;
}

}  // namespace attune::store
