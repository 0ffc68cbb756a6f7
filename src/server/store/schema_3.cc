#include "server/store/schema.h"

namespace attune::store {

// Data sets as they stood (domain/snapshot.h). Rows that two snapshots share are kept once:
// `content` names a text by its SHA-256. content_hash is that of what was said, without ids and
// times.
const char* const kSchema3 = R"sql(
CREATE TABLE snapshots (
  position {serial}, id TEXT NOT NULL UNIQUE,
  dataset BIGINT NOT NULL REFERENCES datasets (position) ON DELETE CASCADE, name TEXT NOT NULL,
  hash TEXT NOT NULL, records BIGINT NOT NULL, answers BIGINT NOT NULL, author_id TEXT,
  inserted_at TEXT NOT NULL, UNIQUE (dataset, name));
CREATE TABLE snapshot_rows (
  snapshot BIGINT NOT NULL REFERENCES snapshots (position) ON DELETE CASCADE,
  number BIGINT NOT NULL, record_id TEXT NOT NULL, content TEXT NOT NULL,
  forgotten INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (snapshot, number));
CREATE INDEX snapshot_rows_of_record ON snapshot_rows (record_id);
CREATE INDEX snapshot_rows_of_content ON snapshot_rows (content);
CREATE TABLE snapshot_contents (hash TEXT PRIMARY KEY, text TEXT NOT NULL);
)sql";

}  // namespace attune::store
