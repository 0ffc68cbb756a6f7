#include "server/store/schema.h"

namespace attune::store {

// The first schema. {serial}, {bytes} and {text_index} are replaced by the dialect (dialect.h).
// Times are naive UTC text; booleans are 0 and 1; JSON is text, read by the program alone. What is
// filtered or sorted by stands in columns and tables of its own (metadata_values, answer_values,
// suggestion_values), so that a filter is the same plain SQL on both data bases.
const char* const kSchema1 = R"sql(
CREATE TABLE change_number (
  only_row INTEGER PRIMARY KEY CHECK (only_row = 1), number BIGINT NOT NULL);
INSERT INTO change_number VALUES (1, 0);

CREATE TABLE users (
  id TEXT PRIMARY KEY, username TEXT NOT NULL UNIQUE, first_name TEXT NOT NULL, last_name TEXT,
  role TEXT NOT NULL, password_hash TEXT, inserted_at TEXT NOT NULL, updated_at TEXT NOT NULL);
CREATE TABLE api_keys (
  id TEXT PRIMARY KEY, user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  hash TEXT NOT NULL UNIQUE, prefix TEXT NOT NULL, name TEXT NOT NULL, scope TEXT NOT NULL,
  expires_at TEXT, inserted_at TEXT NOT NULL, last_used_at TEXT);
CREATE INDEX api_keys_of_user ON api_keys (user_id);
CREATE TABLE sessions (
  hash TEXT PRIMARY KEY, user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  csrf_token TEXT NOT NULL, kind TEXT NOT NULL, expires_at TEXT NOT NULL,
  inserted_at TEXT NOT NULL);
CREATE INDEX sessions_of_user ON sessions (user_id);
CREATE TABLE workspaces (
  id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, inserted_at TEXT NOT NULL,
  updated_at TEXT NOT NULL);
CREATE TABLE workspace_users (
  workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  inserted_at TEXT NOT NULL, PRIMARY KEY (workspace_id, user_id));
CREATE INDEX workspace_users_of_user ON workspace_users (user_id);

CREATE TABLE datasets (
  position {serial}, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
  workspace_id TEXT NOT NULL REFERENCES workspaces (id), guidelines TEXT,
  allow_extra_metadata INTEGER NOT NULL, published INTEGER NOT NULL, min_submitted BIGINT NOT NULL,
  discards_complete INTEGER NOT NULL, metadata TEXT, last_activity_at TEXT NOT NULL,
  inserted_at TEXT NOT NULL, updated_at TEXT NOT NULL, UNIQUE (workspace_id, name));
CREATE TABLE fields (
  position {serial}, id TEXT NOT NULL UNIQUE,
  dataset_id TEXT NOT NULL REFERENCES datasets (id) ON DELETE CASCADE, name TEXT NOT NULL,
  title TEXT NOT NULL, required INTEGER NOT NULL, settings TEXT NOT NULL,
  inserted_at TEXT NOT NULL, updated_at TEXT NOT NULL, UNIQUE (dataset_id, name));
CREATE TABLE questions (
  position {serial}, id TEXT NOT NULL UNIQUE,
  dataset_id TEXT NOT NULL REFERENCES datasets (id) ON DELETE CASCADE, name TEXT NOT NULL,
  title TEXT NOT NULL, description TEXT, required INTEGER NOT NULL, settings TEXT NOT NULL,
  inserted_at TEXT NOT NULL, updated_at TEXT NOT NULL, UNIQUE (dataset_id, name));
CREATE TABLE metadata_properties (
  position {serial}, id TEXT NOT NULL UNIQUE,
  dataset_id TEXT NOT NULL REFERENCES datasets (id) ON DELETE CASCADE, name TEXT NOT NULL,
  title TEXT NOT NULL, visible_for_annotators INTEGER NOT NULL, settings TEXT NOT NULL,
  inserted_at TEXT NOT NULL, updated_at TEXT NOT NULL, UNIQUE (dataset_id, name));
CREATE TABLE vectors_settings (
  position {serial}, id TEXT NOT NULL UNIQUE,
  dataset_id TEXT NOT NULL REFERENCES datasets (id) ON DELETE CASCADE, name TEXT NOT NULL,
  title TEXT NOT NULL, dimensions BIGINT NOT NULL,
  inserted_at TEXT NOT NULL, updated_at TEXT NOT NULL, UNIQUE (dataset_id, name));

-- dataset: the position of its data set; numbers keep the indexes of a million records small.
CREATE TABLE records (
  position {serial}, id TEXT NOT NULL UNIQUE, dataset BIGINT NOT NULL, external_id TEXT,
  fields TEXT NOT NULL, metadata TEXT, completed INTEGER NOT NULL,
  inserted_at TEXT NOT NULL, updated_at TEXT NOT NULL);
CREATE INDEX records_of_dataset ON records (dataset, position);
CREATE INDEX records_by_status ON records (dataset, completed, position);
CREATE UNIQUE INDEX records_by_external_id ON records (dataset, external_id)
  WHERE external_id IS NOT NULL;
CREATE INDEX records_by_insertion ON records (dataset, inserted_at);
CREATE INDEX records_by_update ON records (dataset, updated_at);

-- record: the position of the record. property: the position of the metadata property. A list of
-- terms is several rows.
CREATE TABLE metadata_values (
  record BIGINT NOT NULL, property BIGINT NOT NULL, term TEXT, number DOUBLE PRECISION);
CREATE INDEX metadata_values_of_record ON metadata_values (record);
CREATE INDEX metadata_values_by_term ON metadata_values (property, term, record);
CREATE INDEX metadata_values_by_number ON metadata_values (property, number, record);

-- question: the position of the question.
CREATE TABLE suggestions (
  id TEXT NOT NULL UNIQUE, record BIGINT NOT NULL, question BIGINT NOT NULL, value TEXT NOT NULL,
  type TEXT, agent TEXT, score TEXT, inserted_at TEXT NOT NULL, updated_at TEXT NOT NULL,
  PRIMARY KEY (record, question));
CREATE TABLE suggestion_values (
  record BIGINT NOT NULL, question BIGINT NOT NULL, term TEXT, number DOUBLE PRECISION,
  score DOUBLE PRECISION);
CREATE INDEX suggestion_values_of_record ON suggestion_values (record, question);
CREATE INDEX suggestion_values_by_term ON suggestion_values (question, term, record);

-- The current answer of each person. user_id is no foreign key: deleting a person keeps answers.
CREATE TABLE responses (
  id TEXT NOT NULL UNIQUE, record BIGINT NOT NULL, dataset BIGINT NOT NULL, user_id TEXT NOT NULL,
  status TEXT NOT NULL, response_values TEXT NOT NULL,
  inserted_at TEXT NOT NULL, updated_at TEXT NOT NULL, PRIMARY KEY (record, user_id));
CREATE INDEX responses_of_user ON responses (dataset, user_id, status, record);
CREATE TABLE answer_values (
  record BIGINT NOT NULL, question BIGINT NOT NULL, user_id TEXT NOT NULL, term TEXT,
  number DOUBLE PRECISION);
CREATE INDEX answer_values_of_record ON answer_values (record, user_id);
CREATE INDEX answer_values_by_term ON answer_values (question, term, record);
-- Every answer there ever was, in order; nothing is updated here but by `attune forget`.
CREATE TABLE response_history (
  number {serial}, response_id TEXT NOT NULL, record_id TEXT NOT NULL, dataset BIGINT NOT NULL,
  user_id TEXT NOT NULL, author_id TEXT NOT NULL, action TEXT NOT NULL, status TEXT NOT NULL,
  response_values TEXT NOT NULL, guideline_version BIGINT, seconds_spent DOUBLE PRECISION,
  shown_order TEXT, client TEXT, at TEXT NOT NULL);
CREATE INDEX response_history_of ON response_history (response_id, number);
CREATE INDEX response_history_of_record ON response_history (record_id, number);

CREATE TABLE record_vectors (
  record BIGINT NOT NULL, vector BIGINT NOT NULL, components {bytes} NOT NULL,
  PRIMARY KEY (vector, record));
CREATE INDEX record_vectors_of_record ON record_vectors (record);

CREATE TABLE webhooks (
  position {serial}, id TEXT NOT NULL UNIQUE, url TEXT NOT NULL, secret TEXT NOT NULL,
  events TEXT NOT NULL, enabled INTEGER NOT NULL, description TEXT,
  inserted_at TEXT NOT NULL, updated_at TEXT NOT NULL);
CREATE TABLE webhook_deliveries (
  number {serial}, webhook_id TEXT NOT NULL, message_id TEXT NOT NULL, event TEXT NOT NULL,
  body TEXT NOT NULL, attempts BIGINT NOT NULL, due_at TEXT NOT NULL, state TEXT NOT NULL,
  outcome TEXT);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (state, due_at);

CREATE TABLE jobs (
  position {serial}, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, status TEXT NOT NULL,
  request TEXT NOT NULL, result TEXT, user_id TEXT, leased_until TEXT, worker TEXT,
  inserted_at TEXT NOT NULL, updated_at TEXT NOT NULL);
CREATE TABLE audit_log (
  number {serial}, user_id TEXT, action TEXT NOT NULL, subject TEXT NOT NULL, detail TEXT,
  remote_address TEXT, request_id TEXT, at TEXT NOT NULL);

-- Guidelines are versioned: the current text of a data set is that of its last version.
CREATE TABLE guideline_versions (
  dataset BIGINT NOT NULL, version BIGINT NOT NULL, text TEXT NOT NULL, author_id TEXT,
  at TEXT NOT NULL, PRIMARY KEY (dataset, version));

{text_index}
)sql";

}  // namespace attune::store
