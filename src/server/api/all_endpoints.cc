#include "server/api/endpoints.h"

namespace attune::api {

Endpoints all_endpoints() {
  Endpoints endpoints;
  add_service_endpoints(endpoints);
  add_session_endpoints(endpoints);
  add_user_endpoints(endpoints);
  add_workspace_endpoints(endpoints);
  add_dataset_endpoints(endpoints);
  add_dataset_progress_endpoints(endpoints);
  add_field_endpoints(endpoints);
  add_question_endpoints(endpoints);
  add_metadata_property_endpoints(endpoints);
  add_vectors_settings_endpoints(endpoints);
  add_guideline_endpoints(endpoints);
  add_project_endpoints(endpoints);
  add_evolution_endpoints(endpoints);
  add_assignment_endpoints(endpoints);
  add_assignment_rules_endpoints(endpoints);
  add_review_endpoints(endpoints);
  add_judgement_endpoints(endpoints);
  add_aggregation_endpoints(endpoints);
  add_search_endpoints(endpoints);
  add_record_bulk_endpoints(endpoints);
  add_record_endpoints(endpoints);
  add_response_endpoints(endpoints);
  add_suggestion_endpoints(endpoints);
  add_history_endpoints(endpoints);
  add_comment_endpoints(endpoints);
  add_export_endpoints(endpoints);
  add_import_file_endpoints(endpoints);
  add_snapshot_endpoints(endpoints);
  add_forget_endpoints(endpoints);
  add_hub_job_endpoints(endpoints);
  add_webhook_endpoints(endpoints);
  add_api_key_endpoints(endpoints);
  add_audit_endpoints(endpoints);
  add_older_path_endpoints(endpoints);
  add_health_endpoints(endpoints);
  add_setup_page(endpoints);
  add_openapi_endpoints(endpoints);  // the last: it documents all the others
  return endpoints;
}

}  // namespace attune::api
