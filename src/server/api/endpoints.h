// Every group of endpoints; all_endpoints.cc puts them together.
#pragma once

#include "server/api/endpoint.h"

namespace attune::api {

// The whole table, in the order of openapi.json.
Endpoints all_endpoints();

// Version, state and settings; logins through other providers (OAuth), which are refused.
void add_service_endpoints(Endpoints& endpoints);
// POST /api/v1/token, the browser's session, the one-time set-up, changing one's own password.
void add_session_endpoints(Endpoints& endpoints);
// API keys: one's own, and for owners those of others.
void add_api_key_endpoints(Endpoints& endpoints);
// /api/v1/me and /api/v1/users.
void add_user_endpoints(Endpoints& endpoints);
// /api/v1/workspaces, their members, and /api/v1/me/workspaces.
void add_workspace_endpoints(Endpoints& endpoints);
// /api/v1/webhooks.
void add_webhook_endpoints(Endpoints& endpoints);
// The paths without /v1 that the 1.x client calls: /api/me, /api/_info, /api/_status, /api/users,
// /api/workspaces. Lists are bare, what is made is answered by 200, and users have full_name and
// the names of their workspaces. The client's header X-Argilla-Workspace is ignored.
void add_older_path_endpoints(Endpoints& endpoints);
// GET /api/attune/v1/audit, for owners.
void add_audit_endpoints(Endpoints& endpoints);
// /healthz, /readyz and /metrics.
void add_health_endpoints(Endpoints& endpoints);
// GET /setup: the page of the one-time link.
void add_setup_page(Endpoints& endpoints);
// GET /api/openapi.json and /api/v1/openapi.json: the document of everything added before.
void add_openapi_endpoints(Endpoints& endpoints);

void add_dataset_endpoints(Endpoints& endpoints);
void add_dataset_progress_endpoints(Endpoints& endpoints);
void add_field_endpoints(Endpoints& endpoints);
void add_question_endpoints(Endpoints& endpoints);
void add_metadata_property_endpoints(Endpoints& endpoints);
void add_vectors_settings_endpoints(Endpoints& endpoints);
// Beyond the contract (/api/attune/v1): versions of guidelines, projects, additions to published
// data sets, and giving out work.
void add_guideline_endpoints(Endpoints& endpoints);
void add_project_endpoints(Endpoints& endpoints);
void add_evolution_endpoints(Endpoints& endpoints);
void add_assignment_endpoints(Endpoints& endpoints);
void add_assignment_rules_endpoints(Endpoints& endpoints);
// Disagreements, adjudication, gold records and how people do on them.
void add_review_endpoints(Endpoints& endpoints);
// How people judge: agreement, signs about annotators, bias, power; many answers as one.
void add_judgement_endpoints(Endpoints& endpoints);
void add_aggregation_endpoints(Endpoints& endpoints);

// Records listed and searched; many in one call; one by one.
void add_search_endpoints(Endpoints& endpoints);
void add_record_bulk_endpoints(Endpoints& endpoints);
void add_record_endpoints(Endpoints& endpoints);
// Answers and suggestions.
void add_response_endpoints(Endpoints& endpoints);
void add_suggestion_endpoints(Endpoints& endpoints);
// Beyond the contract: earlier answers with undo, versions of records, comments, exports.
void add_history_endpoints(Endpoints& endpoints);
void add_comment_endpoints(Endpoints& endpoints);
void add_export_endpoints(Endpoints& endpoints);
// Files of published data sets as records.
void add_import_file_endpoints(Endpoints& endpoints);
// Data sets kept as they stood, by a hash of their content.
void add_snapshot_endpoints(Endpoints& endpoints);
// Content replaced by tombstones.
void add_forget_endpoints(Endpoints& endpoints);
// Jobs that would move data sets from and to a hub.
void add_hub_job_endpoints(Endpoints& endpoints);

}  // namespace attune::api
