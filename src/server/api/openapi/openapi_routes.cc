// Query, body, status and answer of the routes whose endpoints say nothing of them.
#include <algorithm>

#include "server/api/openapi/openapi.h"

namespace attune::api {
namespace {

struct RouteText {
  const char* route;
  const char* query;  // in the notation of openapi_schemas.cc, "" for none
  const char* body;   // a named schema, "" for none
  int status;
  const char* response;  // a named schema, "" for none
};

constexpr const char* kPage = "offset?:int limit?:int include?:text[]";

constexpr RouteText kRoutes[] = {
    {"GET /api/v1/me/datasets", "workspace_id?:uuid name?:text status?:draft|ready", "", 200,
     "Datasets"},
    {"POST /api/v1/datasets", "", "DatasetCreate", 201, "Dataset"},
    {"GET /api/v1/datasets/{dataset_id}", "", "", 200, "Dataset"},
    {"PATCH /api/v1/datasets/{dataset_id}", "", "DatasetUpdate", 200, "Dataset"},
    {"DELETE /api/v1/datasets/{dataset_id}", "", "", 200, "Dataset"},
    {"PUT /api/v1/datasets/{dataset_id}/publish", "", "", 200, "Dataset"},
    {"GET /api/v1/datasets/{dataset_id}/progress", "", "", 200, "DatasetProgress"},
    {"GET /api/v1/datasets/{dataset_id}/users/progress", "", "", 200, "UsersProgress"},
    {"GET /api/v1/me/datasets/{dataset_id}/metrics", "", "", 200, "DatasetMetrics"},
    {"GET /api/v1/datasets/{dataset_id}/fields", "", "", 200, "Fields"},
    {"POST /api/v1/datasets/{dataset_id}/fields", "", "FieldCreate", 201, "Field"},
    {"PATCH /api/v1/fields/{field_id}", "", "FieldUpdate", 200, "Field"},
    {"DELETE /api/v1/fields/{field_id}", "", "", 200, "Field"},
    {"GET /api/v1/datasets/{dataset_id}/questions", "", "", 200, "Questions"},
    {"POST /api/v1/datasets/{dataset_id}/questions", "", "QuestionCreate", 201, "Question"},
    {"PATCH /api/v1/questions/{question_id}", "", "QuestionUpdate", 200, "Question"},
    {"DELETE /api/v1/questions/{question_id}", "", "", 200, "Question"},
    {"GET /api/v1/me/datasets/{dataset_id}/metadata-properties", "", "", 200,
     "MetadataProperties"},
    {"POST /api/v1/datasets/{dataset_id}/metadata-properties", "", "MetadataPropertyCreate", 201,
     "MetadataProperty"},
    {"PATCH /api/v1/metadata-properties/{metadata_property_id}", "", "MetadataPropertyUpdate",
     200, "MetadataProperty"},
    {"DELETE /api/v1/metadata-properties/{metadata_property_id}", "", "", 200,
     "MetadataProperty"},
    {"GET /api/v1/metadata-properties/{metadata_property_id}/metrics", "", "", 200,
     "MetadataMetrics"},
    {"GET /api/v1/datasets/{dataset_id}/vectors-settings", "", "", 200, "VectorsSettings"},
    {"POST /api/v1/datasets/{dataset_id}/vectors-settings", "", "VectorSettingsCreate", 201,
     "VectorSettings"},
    {"PATCH /api/v1/vectors-settings/{vector_settings_id}", "", "VectorSettingsUpdate", 200,
     "VectorSettings"},
    {"DELETE /api/v1/vectors-settings/{vector_settings_id}", "", "", 200, "VectorSettings"},
    {"GET /api/v1/datasets/{dataset_id}/records", kPage, "", 200, "Records"},
    {"GET /api/v1/me/datasets/{dataset_id}/records", kPage, "", 200, "Records"},
    {"POST /api/v1/datasets/{dataset_id}/records", "", "RecordsWrite", 204, ""},
    {"PATCH /api/v1/datasets/{dataset_id}/records", "", "RecordsWrite", 204, ""},
    {"DELETE /api/v1/datasets/{dataset_id}/records", "ids:text", "", 204, ""},
    {"POST /api/v1/datasets/{dataset_id}/records/bulk", "", "RecordsWrite", 201, "RecordsBulk"},
    {"PUT /api/v1/datasets/{dataset_id}/records/bulk", "", "RecordsWrite", 200, "RecordsBulk"},
    {"POST /api/v1/datasets/{dataset_id}/records/search", kPage, "SearchQuery", 200,
     "SearchResult"},
    {"POST /api/v1/me/datasets/{dataset_id}/records/search", kPage, "SearchQuery", 200,
     "SearchResult"},
    {"GET /api/v1/datasets/{dataset_id}/records/search/suggestions/options", "", "", 200,
     "SuggestionOptions"},
    {"GET /api/v1/records/{record_id}", "", "", 200, "Record"},
    {"PATCH /api/v1/records/{record_id}", "", "RecordWrite", 200, "Record"},
    {"DELETE /api/v1/records/{record_id}", "", "", 200, "Record"},
    {"POST /api/v1/records/{record_id}/responses", "", "ResponseCreate", 201, "Response"},
    {"PUT /api/v1/responses/{response_id}", "", "ResponseCreate", 200, "Response"},
    {"DELETE /api/v1/responses/{response_id}", "", "", 200, "Response"},
    {"POST /api/v1/me/responses/bulk", "", "ResponsesBulkCreate", 200, "ResponsesBulk"},
    {"GET /api/v1/records/{record_id}/suggestions", "", "", 200, "Suggestions"},
    {"PUT /api/v1/records/{record_id}/suggestions", "", "SuggestionCreate", 201, "Suggestion"},
    {"DELETE /api/v1/records/{record_id}/suggestions", "ids:text", "", 204, ""},
    {"DELETE /api/v1/suggestions/{suggestion_id}", "", "", 200, "Suggestion"},
    {"POST /api/v1/datasets/{dataset_id}/import", "", "", 422, "Refusal"},
    {"POST /api/v1/datasets/{dataset_id}/export", "", "", 422, "Refusal"},
    {"GET /api/v1/jobs/{job_id}", "", "", 200, "Job"},
    {"POST /api/attune/v1/datasets/{dataset_id}/import",
     "format?:text question?:text source_dataset?:text licence?:text languages?:text[]", "", 200,
     "ImportAccount"},
    {"GET /api/attune/v1/datasets/{dataset_id}/guidelines", "answers?:bool", "", 200,
     "GuidelineVersions"},
    {"GET /api/attune/v1/datasets/{dataset_id}/guidelines/diff", "from:int to:int", "", 200,
     "GuidelineDiff"},
    {"GET /api/attune/v1/datasets/{dataset_id}/guidelines/{version}", "", "", 200, "GuidelineText"},
    {"GET /api/attune/v1/projects", "workspace_id?:uuid", "", 200, "Projects"},
    {"POST /api/attune/v1/projects", "", "ProjectCreate", 201, "Project"},
    {"GET /api/attune/v1/projects/{project_id}", "", "", 200, "Project"},
    {"PATCH /api/attune/v1/projects/{project_id}", "", "ProjectUpdate", 200, "Project"},
    {"DELETE /api/attune/v1/projects/{project_id}", "", "", 200, "Project"},
    {"PUT /api/attune/v1/projects/{project_id}/datasets/{dataset_id}", "", "ProjectDataset", 200,
     "Project"},
    {"DELETE /api/attune/v1/projects/{project_id}/datasets/{dataset_id}", "", "", 200, "Project"},
    {"GET /api/attune/v1/projects/{project_id}/guidelines", "", "", 200, "GuidelineTexts"},
    {"POST /api/attune/v1/projects/{project_id}/guidelines", "", "GuidelineWrite", 201,
     "GuidelineText"},
    {"POST /api/attune/v1/datasets/{dataset_id}/fields", "", "FieldCreate", 201, "Field"},
    {"POST /api/attune/v1/datasets/{dataset_id}/questions", "", "QuestionCreate", 201, "Question"},
    {"PATCH /api/attune/v1/questions/{question_id}", "", "QuestionRequired", 200, "Question"},
    {"POST /api/attune/v1/questions/{question_id}/options", "", "OptionCreate", 201, "Question"},
    {"POST /api/attune/v1/datasets/{dataset_id}/next", "", "NextAsked", 200, "NextRecords"},
    {"DELETE /api/attune/v1/records/{record_id}/lease", "", "", 204, ""},
    {"POST /api/attune/v1/records/{record_id}/skip", "", "Skip", 201, "Skips"},
    {"DELETE /api/attune/v1/datasets/{dataset_id}/skips", "", "", 200, "SkipsTakenBack"},
    {"GET /api/attune/v1/datasets/{dataset_id}/assignment", "", "", 200, "Assignment"},
    {"PUT /api/attune/v1/datasets/{dataset_id}/assignment", "", "Assignment", 200, "Assignment"},
    {"GET /api/attune/v1/datasets/{dataset_id}/disagreements",
     "below?:number after?:int limit?:int", "", 200,
     "Disagreements"},
    {"GET /api/attune/v1/records/{record_id}/adjudication", "", "", 200, "Decision"},
    {"PUT /api/attune/v1/records/{record_id}/adjudication", "", "DecisionWrite", 200, "Decision"},
    {"DELETE /api/attune/v1/records/{record_id}/adjudication", "", "", 204, ""},
    {"GET /api/attune/v1/datasets/{dataset_id}/adjudication", "after?:int limit?:int", "", 200,
     "Decisions"},
    {"GET /api/attune/v1/records/{record_id}/gold", "", "", 200, "Decision"},
    {"PUT /api/attune/v1/records/{record_id}/gold", "", "DecisionWrite", 200, "Decision"},
    {"DELETE /api/attune/v1/records/{record_id}/gold", "", "", 204, ""},
    {"GET /api/attune/v1/datasets/{dataset_id}/gold", "after?:int limit?:int", "", 200,
     "Decisions"},
    {"GET /api/attune/v1/datasets/{dataset_id}/gold/scores", "", "", 200, "GoldScores"},
    {"GET /api/attune/v1/datasets/{dataset_id}/export",
     "format?:jsonl|csv|trl_sft|trl_preference|rankings|trl_unpaired|prompts question?:text "
     "prompt?:text completion?:text positive?:text[] negative?:text[] "
     "answers?:adjudicated|annotators rule?:text ties?:text snapshot?:text status?:text[] "
     "include?:text[]",
     "", 200, ""},
    {"POST /api/attune/v1/datasets/{dataset_id}/records/forget", "", "ForgetRecords", 200,
     "Forgotten"},
    {"POST /api/attune/v1/users/{user_id}/forget", "", "", 200, "Forgotten"},
    {"POST /api/attune/v1/datasets/{dataset_id}/snapshots", "", "SnapshotCreate", 201, "Snapshot"},
    {"GET /api/attune/v1/datasets/{dataset_id}/snapshots", "", "", 200, "Snapshots"},
    {"GET /api/attune/v1/snapshots/{snapshot_id}", "", "", 200, "Snapshot"},
    {"DELETE /api/attune/v1/snapshots/{snapshot_id}", "", "", 204, ""},
    {"GET /api/attune/v1/datasets/{dataset_id}/agreement",
     "question?:text metric?:ordinal|interval|nominal expectation?:exchangeable|pooled "
     "resamples?:int confidence?:number seed?:int",
     "", 200, "Agreements"},
    {"GET /api/attune/v1/datasets/{dataset_id}/aggregate",
     "question?:text "
     "method?:majority|dawid_skene|mace|bradley_terry|plackett_luce|crowd_bt "
     "scope?:records|options ties?:half_win|ignore|davidson|rao_kupper prior_precision?:number "
     "seed?:int answers?:adjudicated|annotators after?:int limit?:int",
     "", 200, "Aggregate"},
    {"GET /api/attune/v1/datasets/{dataset_id}/annotators",
     "question?:text fast_share?:number fast_rate_max?:number answers_min?:int "
     "constant_share?:number gold_rate_min?:number",
     "", 200, "Annotators"},
    {"GET /api/attune/v1/datasets/{dataset_id}/bias",
     "question?:text resamples?:int confidence?:number seed?:int", "", 200, "Bias"},
    {"GET /api/attune/v1/power",
     "win_rate:number level?:number power?:number tie_rate?:number", "", 200, "Power"},
};

}  // namespace

OrderedJson route_schema(std::string_view route) {
  const auto found = std::find_if(std::begin(kRoutes), std::end(kRoutes),
                                  [&](const RouteText& text) { return route == text.route; });
  if (found == std::end(kRoutes)) return nullptr;
  OrderedJson schema = {{"status", found->status}};
  if (*found->query) schema["query"] = found->query;
  if (*found->body) schema["body"] = found->body;
  if (*found->response) schema["response"] = found->response;
  return schema;
}

std::vector<std::string> described_routes() {
  std::vector<std::string> routes;
  for (const RouteText& text : kRoutes) routes.emplace_back(text.route);
  return routes;
}

}  // namespace attune::api
