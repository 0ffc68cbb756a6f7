#include "server/api/records/record_body.h"

#include <algorithm>
#include <set>

#include "server/domain/identity.h"

namespace attune::api {
namespace {

constexpr const char* kAgentPattern =
    R"(^[a-zA-Z0-9-_:\.\/\s]*[a-zA-Z0-9][a-zA-Z0-9-_:\.\/\s]*$)";

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_agent(std::string_view text) {
  return std::any_of(text.begin(), text.end(), is_letter_or_digit) &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return is_letter_or_digit(c) ||
                  std::string_view("-_:./ \t\n\r\f\v").find(c) != std::string_view::npos;
         });
}

bool is_fraction(const OrderedJson& score) {
  return score.is_number() && score.get<double>() >= 0 && score.get<double>() <= 1;
}

OrderedJson read_score(SchemaReader& body) {
  const OrderedJson& score = body.raw("score");
  const bool fits = score.is_null() || is_fraction(score) ||
                    (score.is_array() && std::all_of(score.begin(), score.end(), is_fraction));
  if (!fits) body.mistake("value_error", "score", "Value error, score must be between 0 and 1");
  return score;
}

// A text, a list (chat), an object (custom) or null; which of them a field is, its settings say.
void read_fields(SchemaReader& body, domain::RecordChange& change, bool required) {
  if (!required && !body.given("fields")) return;
  const OrderedJson& fields = body.dictionary("fields");
  for (const auto& [name, value] : fields.items()) {
    if (!value.is_number() && !value.is_boolean()) continue;
    body.mistake("string_type", {"fields", name, "constrained-str"},
                 "Input should be a valid string");
    body.mistake("list_type", {"fields", name, "list[ChatFieldValue]"},
                 "Input should be a valid list");
    body.mistake("dict_type", {"fields", name, "dict[constrained-str,any]"},
                 "Input should be a valid dictionary");
  }
  change.fields = fields;
}

void read_responses(SchemaReader& body, domain::RecordChange& change,
                    const std::string& caller_id) {
  if (!body.given("responses")) return;
  for (SchemaReader& one : body.objects("responses")) {
    std::string user_id = one.id_or_null("user_id").value_or(caller_id);
    change.responses.push_back(read_response(one, std::move(user_id)));
  }
}

// The value of a member that two changes share, or "".
template <typename Member>
std::string shared_by_two(const std::vector<domain::RecordChange>& changes, Member member) {
  std::set<std::string> seen;
  for (const domain::RecordChange& change : changes) {
    if (change.*member && !seen.insert(*(change.*member)).second) return *(change.*member);
  }
  return "";
}

}  // namespace

domain::ResponseChange read_response(SchemaReader& body, std::string user_id) {
  domain::ResponseChange change;
  change.user_id = std::move(user_id);
  const std::string status = body.choice("status", {"draft", "submitted", "discarded"});
  change.status =
      domain::response_status_of(status).value_or(domain::ResponseStatus::kDraft);
  if (body.given("values")) change.values = body.dictionary("values");
  change.seconds_spent = body.number_or_null("seconds_spent", {.ge = 0});
  if (body.given("shown_order")) {  // as `next` gives it, or a list: domain/assignment.h
    const bool by_question = body.raw("shown_order").is_object();
    change.shown_order = by_question ? body.dictionary("shown_order")
                                     : body.list("shown_order", {.max = 1000});
  }
  return change;
}

domain::SuggestionChange read_suggestion(SchemaReader& body) {
  domain::SuggestionChange change;
  change.question_id = body.id("question_id");
  if (!body.has("value")) body.mistake("missing", "value", "Field required");
  change.value = body.raw("value");
  change.type = body.choice_or_null("type", {"model", "human"});
  change.agent = body.text_or_null(
      "agent", {.min = 1, .max = 200, .pattern = kAgentPattern, .allowed = is_agent});
  change.score = read_score(body);
  return change;
}

domain::RecordChange read_record_change(SchemaReader& body, RecordVerb verb,
                                        const std::string& caller_id) {
  domain::RecordChange change;
  if (verb == RecordVerb::kUpsert) change.id = body.id_or_null("id");
  if (verb != RecordVerb::kUpdate) change.external_id = body.text_or_null("external_id");
  read_fields(body, change, verb == RecordVerb::kCreate);
  if (body.has("metadata")) {
    change.metadata = body.given("metadata") ? body.dictionary("metadata") : OrderedJson();
  }
  if (body.given("suggestions")) {
    change.suggestions.emplace();
    change.replaces_suggestions = verb == RecordVerb::kUpdate;
    for (SchemaReader& one : body.objects("suggestions")) {
      change.suggestions->push_back(read_suggestion(one));
    }
  }
  if (verb != RecordVerb::kUpdate) read_responses(body, change, caller_id);
  if (body.given("vectors")) change.vectors = body.dictionary("vectors");
  return change;
}

Answer<std::vector<domain::RecordChange>> read_record_changes(const OrderedJson& body,
                                                              RecordVerb verb, size_t most,
                                                              const std::string& caller_id) {
  SchemaReader reader(body, "body");
  std::vector<domain::RecordChange> changes;
  for (SchemaReader& item : reader.objects("items", {.min = 1, .max = most})) {
    domain::RecordChange change = read_record_change(item, verb, caller_id);
    if (verb == RecordVerb::kUpdate) change.id = item.id("id");
    changes.push_back(std::move(change));
  }
  TRY(reader.done());
  if (!shared_by_two(changes, &domain::RecordChange::external_id).empty()) {
    reader.mistake("value_error", "items", "Value error, External IDs must be unique");
  }
  if (!shared_by_two(changes, &domain::RecordChange::id).empty()) {
    reader.mistake("value_error", "items", "Value error, Record IDs must be unique");
  }
  TRY(reader.done());
  return changes;
}

Answer<std::vector<std::string>> read_ids(const OrderedJson& query) {
  SchemaReader reader(query, "query");
  const std::string text = reader.text("ids");
  TRY(reader.done());
  std::vector<std::string> ids;
  for (size_t from = 0; from <= text.size();) {
    const size_t comma = std::min(text.find(',', from), text.size());
    std::string_view part = std::string_view(text).substr(from, comma - from);
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    ids.push_back(domain::canonical_id(part));
    if (ids.back().empty()) return detail(422, "Invalid UUID format");
    from = comma + 1;
  }
  if (ids.size() > kIdsPerDeletion) {
    return detail(422, fmt::format("Cannot delete more than {} records at once", kIdsPerDeletion));
  }
  return ids;
}

}  // namespace attune::api
