#include "server/store/schema.h"

namespace attune::store {

// What almost every request asks for and what seldom changes (people, their keys and memberships,
// the settings of data sets, webhooks) is kept in memory by each server while this number stands
// (settings_generation.h). Triggers count, so that no way of writing can forget to. Left out is
// what changes all the time: last_used_at, last_activity_at, record_count; and what is not kept
// before it is there: a new key, session or data set.
const char* const kSchema4 = R"sql(
CREATE TABLE settings_generation (number BIGINT NOT NULL);
INSERT INTO settings_generation (number) VALUES (0);
{counter}
CREATE TRIGGER users_inserted AFTER INSERT ON users {count};
CREATE TRIGGER users_updated AFTER UPDATE ON users {count};
CREATE TRIGGER users_deleted AFTER DELETE ON users {count};
CREATE TRIGGER api_keys_updated AFTER UPDATE OF user_id, hash, scope, expires_at
  ON api_keys {count};
CREATE TRIGGER api_keys_deleted AFTER DELETE ON api_keys {count};
CREATE TRIGGER sessions_updated AFTER UPDATE ON sessions {count};
CREATE TRIGGER sessions_deleted AFTER DELETE ON sessions {count};
CREATE TRIGGER workspace_users_inserted AFTER INSERT ON workspace_users {count};
CREATE TRIGGER workspace_users_updated AFTER UPDATE ON workspace_users {count};
CREATE TRIGGER workspace_users_deleted AFTER DELETE ON workspace_users {count};
CREATE TRIGGER datasets_updated AFTER UPDATE OF name, workspace_id, guidelines,
  allow_extra_metadata, published, min_submitted, discards_complete, metadata, updated_at,
  overlap_max, agreement_min ON datasets {count};
CREATE TRIGGER datasets_deleted AFTER DELETE ON datasets {count};
CREATE TRIGGER fields_inserted AFTER INSERT ON fields {count};
CREATE TRIGGER fields_updated AFTER UPDATE ON fields {count};
CREATE TRIGGER fields_deleted AFTER DELETE ON fields {count};
CREATE TRIGGER questions_inserted AFTER INSERT ON questions {count};
CREATE TRIGGER questions_updated AFTER UPDATE ON questions {count};
CREATE TRIGGER questions_deleted AFTER DELETE ON questions {count};
CREATE TRIGGER metadata_properties_inserted AFTER INSERT ON metadata_properties {count};
CREATE TRIGGER metadata_properties_updated AFTER UPDATE ON metadata_properties {count};
CREATE TRIGGER metadata_properties_deleted AFTER DELETE ON metadata_properties {count};
CREATE TRIGGER vectors_settings_inserted AFTER INSERT ON vectors_settings {count};
CREATE TRIGGER vectors_settings_updated AFTER UPDATE ON vectors_settings {count};
CREATE TRIGGER vectors_settings_deleted AFTER DELETE ON vectors_settings {count};
CREATE TRIGGER guideline_versions_inserted AFTER INSERT ON guideline_versions {count};
CREATE TRIGGER guideline_versions_updated AFTER UPDATE ON guideline_versions {count};
CREATE TRIGGER guideline_versions_deleted AFTER DELETE ON guideline_versions {count};
CREATE TRIGGER assignment_rules_inserted AFTER INSERT ON assignment_rules {count};
CREATE TRIGGER assignment_rules_updated AFTER UPDATE ON assignment_rules {count};
CREATE TRIGGER assignment_rules_deleted AFTER DELETE ON assignment_rules {count};
CREATE TRIGGER webhooks_inserted AFTER INSERT ON webhooks {count};
CREATE TRIGGER webhooks_updated AFTER UPDATE ON webhooks {count};
CREATE TRIGGER webhooks_deleted AFTER DELETE ON webhooks {count};
{truncated} CREATE TRIGGER users_truncated AFTER TRUNCATE ON users {count_once};
{truncated} CREATE TRIGGER api_keys_truncated AFTER TRUNCATE ON api_keys {count_once};
{truncated} CREATE TRIGGER sessions_truncated AFTER TRUNCATE ON sessions {count_once};
{truncated} CREATE TRIGGER workspace_users_truncated AFTER TRUNCATE ON workspace_users {count_once};
)sql";

}  // namespace attune::store
