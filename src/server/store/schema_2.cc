#include "server/store/schema.h"

namespace attune::store {

// Projects, how work is given out, and decisions on answers.
const char* const kSchema2 = R"sql(
CREATE TABLE projects (
  position {serial}, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
  workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE, description TEXT,
  inserted_at TEXT NOT NULL, updated_at TEXT NOT NULL, UNIQUE (workspace_id, name));
-- A data set is in one project at most.
CREATE TABLE project_datasets (
  dataset BIGINT PRIMARY KEY REFERENCES datasets (position) ON DELETE CASCADE,
  project BIGINT NOT NULL REFERENCES projects (position) ON DELETE CASCADE,
  purpose TEXT NOT NULL, inserted_at TEXT NOT NULL);
CREATE INDEX project_datasets_of_project ON project_datasets (project, inserted_at);
CREATE TABLE project_guidelines (
  project BIGINT NOT NULL, version BIGINT NOT NULL, text TEXT NOT NULL, author_id TEXT,
  at TEXT NOT NULL, PRIMARY KEY (project, version));

-- Adaptive overlap: a record whose answers agree less than agreement_min wants more of them, up to
-- overlap_max. Absent: min_submitted answers are enough.
ALTER TABLE datasets ADD COLUMN overlap_max BIGINT;
ALTER TABLE datasets ADD COLUMN agreement_min DOUBLE PRECISION;
-- The other rules of a data set, as JSON (domain/assignment.h).
CREATE TABLE assignment_rules (
  dataset BIGINT PRIMARY KEY REFERENCES datasets (position) ON DELETE CASCADE,
  rules TEXT NOT NULL, updated_at TEXT NOT NULL);
-- Who works on what now, and in which order the candidates are shown to them.
CREATE TABLE leases (
  record BIGINT NOT NULL, user_id TEXT NOT NULL, dataset BIGINT NOT NULL, expires_at TEXT NOT NULL,
  shown_order TEXT NOT NULL, inserted_at TEXT NOT NULL, PRIMARY KEY (record, user_id));
CREATE INDEX leases_of_user ON leases (dataset, user_id, record);
CREATE TABLE skips (
  record BIGINT NOT NULL, user_id TEXT NOT NULL, dataset BIGINT NOT NULL, reason TEXT,
  at TEXT NOT NULL, PRIMARY KEY (record, user_id));
CREATE INDEX skips_of_dataset ON skips (dataset, user_id);

-- What a reviewer decided on, beside the answers of people; and answers that are known to be right,
-- by which people are measured.
CREATE TABLE adjudications (
  record BIGINT PRIMARY KEY, dataset BIGINT NOT NULL, user_id TEXT NOT NULL, answer TEXT NOT NULL,
  note TEXT, at TEXT NOT NULL);
CREATE INDEX adjudications_of_dataset ON adjudications (dataset, record);
CREATE TABLE gold_records (
  record BIGINT PRIMARY KEY, dataset BIGINT NOT NULL, user_id TEXT NOT NULL, answer TEXT NOT NULL,
  note TEXT, at TEXT NOT NULL);
CREATE INDEX gold_records_of_dataset ON gold_records (dataset, record);
)sql";

}  // namespace attune::store
