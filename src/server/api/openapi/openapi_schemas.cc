// The named schemas of openapi.json, in a notation that fits on a line:
//
//   name:type      a member that must be there        name?:type   one that may be left out
//   text, int, number, bool, uuid, time, uri, any, object (of anything)
//   type?          or null            type[]   a list            type{}   an object of such values
//   Name           another schema of this table       a|b|c        one of these texts
//
// A schema that begins with '=' is that type itself and no object.
#include <map>

#include "server/api/openapi/openapi.h"

namespace attune::api {
namespace {

struct NamedSchema {
  const char* name;
  const char* members;
};

constexpr NamedSchema kSchemas[] = {
    {"Refusal", "detail:any"},
    {"ImportAccount",
     "format:text records:int rows_read:int examples:int dropped:object[] notes:object[] "
     "warnings:object[]"},
    {"Version", "version:text attune:text"},
    {"Status", "version:text search_engine:object memory:object attune:text"},
    {"Settings", "argilla:object huggingface?:object"},
    {"Login", "username:text password:text"},
    {"Token", "access_token:text token_type:bearer"},
    {"Session", "user:User csrf_token:text expires_in?:int"},
    {"Setup", "token:text username:text first_name?:text? last_name?:text? password:text"},
    {"SetupState", "needed:bool"},
    {"PasswordChange", "current_password:text new_password:text"},
    {"ApiKeyCreate", "name:text scope?:read|write|admin expires_in_days?:number?"},
    {"ApiKey",
     "id:uuid user_id:uuid name:text prefix:text scope:read|write|admin expires_at:time? "
     "inserted_at:time last_used_at:time? api_key?:text"},
    {"ApiKeys", "items:ApiKey[]"},
    {"AuditEntry",
     "number:int user_id:uuid? action:text subject:text detail:object? remote_address:text "
     "request_id:text at:time"},
    {"AuditEntries", "items:AuditEntry[]"},
    {"User",
     "id:uuid first_name:text last_name:text? username:text role:owner|admin|annotator "
     "api_key:text inserted_at:time updated_at:time attune_role?:reviewer"},
    {"Users", "items:User[]"},
    {"UserCreate",
     "id?:uuid? first_name:text last_name?:text? username:text role?:owner|admin|annotator "
     "attune_role?:owner|admin|reviewer|annotator password:text"},
    {"UserUpdate",
     "first_name?:text last_name?:text? username?:text role?:owner|admin|annotator "
     "attune_role?:owner|admin|reviewer|annotator password?:text"},
    {"UserV0",
     "id:uuid first_name:text last_name?:text full_name:text username:text "
     "role:owner|admin|annotator workspaces:text[] api_key:text inserted_at:time "
     "updated_at:time"},
    {"UserCreateV0",
     "first_name:text last_name?:text username:text role?:owner|admin|annotator password:text "
     "workspaces?:text[]"},
    {"UsersV0", "=UserV0[]"},
    {"Workspace", "id:uuid name:text inserted_at:time updated_at:time"},
    {"Workspaces", "items:Workspace[]"},
    {"WorkspacesV0", "=Workspace[]"},
    {"WorkspaceCreate", "id?:uuid? name:text"},
    {"WorkspaceUserCreate", "user_id:uuid"},
    {"Webhook",
     "id:uuid url:uri secret:text events:text[] enabled:bool description:text? "
     "inserted_at:time updated_at:time"},
    {"Webhooks", "items:Webhook[]"},
    {"WebhookCreate", "url:uri events:text[] description?:text?"},
    {"WebhookUpdate", "url?:uri events?:text[] enabled?:bool description?:text?"},
    {"Distribution", "strategy:overlap min_submitted:int discards_complete?:bool"},
    {"Dataset",
     "id:uuid name:text guidelines:text? allow_extra_metadata:bool status:draft|ready "
     "distribution:Distribution metadata:object? workspace_id:uuid last_activity_at:time "
     "inserted_at:time updated_at:time"},
    {"Datasets", "items:Dataset[]"},
    {"DatasetCreate",
     "name:text workspace_id:uuid guidelines?:text? allow_extra_metadata?:bool "
     "distribution?:Distribution metadata?:object?"},
    {"DatasetUpdate",
     "name?:text guidelines?:text? allow_extra_metadata?:bool distribution?:Distribution "
     "metadata?:object?"},
    {"DatasetProgress", "total:int completed:int pending:int users:object[]"},
    {"UsersProgress", "users:object[]"},
    {"DatasetMetrics", "records:object responses:object"},
    {"Field",
     "id:uuid name:text title:text required:bool settings:object dataset_id:uuid "
     "inserted_at:time updated_at:time"},
    {"Fields", "items:Field[]"},
    {"FieldCreate", "name:text title:text required?:bool? settings:object"},
    {"FieldUpdate", "title?:text settings?:object"},
    {"Question",
     "id:uuid name:text title:text description:text? required:bool settings:object "
     "dataset_id:uuid inserted_at:time updated_at:time"},
    {"Questions", "items:Question[]"},
    {"QuestionCreate", "name:text title:text description?:text? required?:bool? settings:object"},
    {"QuestionUpdate", "title?:text description?:text? settings?:object"},
    {"MetadataProperty",
     "id:uuid name:text title:text settings:object visible_for_annotators:bool dataset_id:uuid "
     "inserted_at:time updated_at:time"},
    {"MetadataProperties", "items:MetadataProperty[]"},
    {"MetadataPropertyCreate",
     "name:text title:text settings:object visible_for_annotators?:bool"},
    {"MetadataPropertyUpdate", "title?:text visible_for_annotators?:bool"},
    {"MetadataMetrics", "type:text total?:int values?:object[] min?:number? max?:number?"},
    {"VectorSettings",
     "id:uuid name:text title:text dimensions:int dataset_id:uuid inserted_at:time "
     "updated_at:time"},
    {"VectorsSettings", "items:VectorSettings[]"},
    {"VectorSettingsCreate", "name:text title:text dimensions:int"},
    {"VectorSettingsUpdate", "title?:text"},
    {"Suggestion",
     "id:uuid question_id:uuid value:any type:text? agent:text? score:any inserted_at:time "
     "updated_at:time"},
    {"Suggestions", "items:Suggestion[]"},
    {"SuggestionCreate", "question_id:uuid value:any type?:text? agent?:text? score?:any"},
    {"Response",
     "id:uuid values:object status:draft|submitted|discarded record_id:uuid user_id:uuid? "
     "inserted_at:time updated_at:time"},
    {"ResponseCreate",
     "values?:object? status:draft|submitted|discarded seconds_spent?:number? shown_order?:any"},
    {"ResponseBulkItem",
     "record_id:uuid values?:object? status:draft|submitted|discarded seconds_spent?:number? "
     "shown_order?:any"},
    {"ResponsesBulkCreate", "items:ResponseBulkItem[]"},
    {"ResponsesBulk", "items:object[]"},
    {"Record",
     "id:uuid status:pending|completed fields:object metadata:object? external_id:text? "
     "responses?:Response[] suggestions?:Suggestion[] vectors?:object dataset_id:uuid "
     "inserted_at:time updated_at:time"},
    {"Records", "items:Record[] total:int"},
    {"RecordWrite",
     "id?:uuid? external_id?:text? fields?:object? metadata?:object? vectors?:object? "
     "responses?:object[]? suggestions?:SuggestionCreate[]?"},
    {"RecordsWrite", "items:RecordWrite[]"},
    {"RecordsBulk", "items:Record[]"},
    {"SearchQuery", "query?:object? filters?:object? sort?:object[]?"},
    {"SearchResultItem", "record:Record query_score:number?"},
    {"SearchResult", "items:SearchResultItem[] total:int"},
    {"SuggestionOptions", "items:object[]"},
    {"Job", "id:text status:text"},
    {"GuidelineVersion", "version:int author_id:uuid? at:time characters:int answers?:int"},
    {"GuidelineVersions", "items:GuidelineVersion[]"},
    {"GuidelineExample", "good:bool text:text"},
    {"GuidelineSection", "title:text level:int text:text examples:GuidelineExample[]"},
    {"GuidelineText",
     "version:int author_id:uuid? at:time text:text sections:GuidelineSection[]"},
    {"GuidelineTexts", "items:GuidelineText[]"},
    {"GuidelineWrite", "text:text"},
    {"ChangedLine", "change:kept|added|removed text:text"},
    {"ChangedSection", "change:same|changed|added|removed title:text lines:ChangedLine[]"},
    {"GuidelineDiff", "from:int to:int sections:ChangedSection[]"},
    {"Project",
     "id:uuid name:text description:text? workspace_id:uuid inserted_at:time updated_at:time "
     "datasets?:object[] guidelines?:any"},
    {"Projects", "items:Project[]"},
    {"ProjectCreate", "name:text workspace_id:uuid description?:text?"},
    {"ProjectUpdate", "name?:text description?:text?"},
    {"ProjectDataset", "purpose?:instructions|preferences|evaluation|prompts|other"},
    {"QuestionRequired", "required:bool"},
    {"OptionCreate", "value:any text?:text description?:text? at?:int?"},
    {"NextAsked", "count?:int"},
    {"NextRecord", "record:Record expires_at:time shown_order:text[]{}"},
    {"NextRecords", "items:NextRecord[] guideline_version:int? reason:text?"},
    {"Skip", "reason?:text?"},
    {"Skips", "skips:int"},
    {"SkipsTakenBack", "taken_back:int"},
    {"Overlap",
     "min_submitted:int max?:int? min_agreement?:number discards_complete?:bool"},
    {"Assignment",
     "overlap?:Overlap lease_seconds?:int quota?:int? quotas?:int{} skips_max?:int? blind?:bool "
     "onboarding?:object? groups?:object[]"},
    {"Disagreement", "record_id:uuid answers:int agreement:number"},
    {"Disagreements", "items:Disagreement[] next_after:int?"},
    {"DecisionWrite", "values:object note?:text?"},
    {"Decision", "record_id:uuid values:object note:text? user_id:uuid at:time"},
    {"Decisions", "items:Decision[] next_after:int?"},
    {"GoldScore",
     "user_id:uuid username:text answers:int discarded:int compared:int agreement:number?"},
    {"GoldScores", "items:GoldScore[]"},
    {"ForgetRecords", "record_ids:uuid[]"},
    {"Forgotten", "records:int answers:int history_rows:int comments:int snapshot_rows:int"},
    {"SnapshotCreate", "name:text"},
    {"Snapshot",
     "id:uuid dataset_id:uuid name:text hash:text records:int answers:int forgotten_rows:int "
     "author_id:uuid? inserted_at:time"},
    {"Snapshots", "items:Snapshot[]"},
    {"QuestionName", "id:uuid name:text type:text"},
    {"Interval",
     "value:number? low:number? high:number? standard_error:number? units:int resamples:int"},
    {"Alpha",
     "value:number? low:number? high:number? standard_error:number? resamples:int distance:text "
     "observed:number expected:number items:int answers:int"},
    {"Agreement",
     "question:QuestionName annotators:int records:int answers:int alpha:Alpha? "
     "fleiss_kappa:object? pairs_of_annotators:object[] pairs_left_out:int rankings:object?"},
    {"Agreements", "items:Agreement[]"},
    {"AnnotatorSigns",
     "user_id:uuid username:text answers:int median_seconds:number? fast_rate:number? "
     "commonest_share:number others_commonest_share:number? gold_rate:number? agreement:number? "
     "signs:text[]"},
    {"Annotators", "question:QuestionName items:AnnotatorSigns[]"},
    {"PositionBias",
     "answers:int left_out:int choices?:int first_chosen?:int p_value?:number "
     "first_share?:Interval? mean_rank_by_place?:number[]"},
    {"LengthBias",
     "pairs:int longer:int shorter:int equal:int p_value:number longer_share:Interval? "
     "mean_difference:number"},
    {"Bias", "question:QuestionName position:PositionBias length:LengthBias?"},
    {"Power", "comparisons:int win_rate:number level:number power:number tie_rate:number"},
    {"Aggregate",
     "question:QuestionName method:text seed:int records:int answers:int adjudicated:int "
     "model:object? annotators:object[] items:object[] next_after:int?"},
};

const std::map<std::string, OrderedJson, std::less<>>& plain_types() {
  static const std::map<std::string, OrderedJson, std::less<>> types = {
      {"text", {{"type", "string"}}},
      {"int", {{"type", "integer"}}},
      {"number", {{"type", "number"}}},
      {"bool", {{"type", "boolean"}}},
      {"uuid", {{"type", "string"}, {"format", "uuid"}}},
      {"time", {{"type", "string"}, {"format", "date-time"}}},
      {"uri", {{"type", "string"}, {"format", "uri"}}},
      {"object", {{"type", "object"}}},
      {"any", OrderedJson::object()}};
  return types;
}

OrderedJson choice_of(std::string_view type) {
  OrderedJson options = OrderedJson::array();
  for (size_t begin = 0; begin <= type.size();) {
    const size_t end = std::min(type.find('|', begin), type.size());
    options.push_back(std::string(type.substr(begin, end - begin)));
    begin = end + 1;
  }
  return {{"type", "string"}, {"enum", std::move(options)}};
}

OrderedJson type_of(std::string_view type) {
  if (type.ends_with('?')) {
    const OrderedJson null = {{"type", "null"}};
    return {{"anyOf", OrderedJson::array({type_of(type.substr(0, type.size() - 1)), null})}};
  }
  if (type.ends_with("[]")) {
    return {{"type", "array"}, {"items", type_of(type.substr(0, type.size() - 2))}};
  }
  if (type.ends_with("{}")) {
    return {{"type", "object"}, {"additionalProperties", type_of(type.substr(0, type.size() - 2))}};
  }
  if (const auto plain = plain_types().find(type); plain != plain_types().end()) {
    return plain->second;
  }
  const bool named = type[0] >= 'A' && type[0] <= 'Z';
  if (!named) return choice_of(type);
  return {{"$ref", "#/components/schemas/" + std::string(type)}};
}

}  // namespace

OrderedJson schema_of(std::string_view members) {
  if (members.starts_with('=')) return type_of(members.substr(1));
  OrderedJson properties = OrderedJson::object(), required = OrderedJson::array();
  for (size_t begin = 0; begin < members.size();) {
    const size_t end = std::min(members.find(' ', begin), members.size());
    const std::string_view member = members.substr(begin, end - begin);
    const size_t colon = member.find(':');
    CHECK(colon != std::string_view::npos && colon > 0, "'{}' is no name:type", member);
    std::string_view name = member.substr(0, colon);
    const bool optional = name.ends_with('?');
    if (optional) name.remove_suffix(1);
    properties[std::string(name)] = type_of(member.substr(colon + 1));
    if (!optional) required.push_back(std::string(name));
    begin = end + 1;
  }
  OrderedJson schema = {{"type", "object"}, {"properties", std::move(properties)}};
  if (!required.empty()) schema["required"] = std::move(required);
  return schema;
}

const OrderedJson& openapi_schemas() {
  static const OrderedJson schemas = [] {
    OrderedJson all = OrderedJson::object();
    for (const NamedSchema& named : kSchemas) all[named.name] = schema_of(named.members);
    return all;
  }();
  return schemas;
}

}  // namespace attune::api
