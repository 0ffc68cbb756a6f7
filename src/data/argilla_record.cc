#include "data/argilla_record.h"

#include "data/import_columns.h"

namespace attune::data {
namespace {

constexpr std::string_view kResponses = ".responses";
constexpr std::string_view kSuggestion = ".suggestion";
constexpr std::string_view kOlderSuggestion = "-suggestion";

bool any_column_ends(const OrderedJson& row, std::string_view end) {
  for (const auto& [name, value] : row.items()) {
    if (std::string_view(name).ends_with(end)) return true;
  }
  return false;
}

// The text of element `i` of a parallel list, "" where there is none.
std::string text_at(const OrderedJson* list, size_t i) {
  if (list == nullptr || !list->is_array() || i >= list->size() || !(*list)[i].is_string()) {
    return "";
  }
  return (*list)[i].get<std::string>();
}

// "user_id" may be a number that counts users.
Result<std::string> user_of(const OrderedJson& answer) {
  const std::string name = TRY(optional_text_column(answer, "annotator"));
  return name.empty() ? optional_text_column(answer, "user_id") : Result<std::string>(name);
}

// Names stand beside every answer: long ones, in a stranger's row, would fill the memory.
Status add(ArgillaRecord& record, ArgillaAnswer answer) {
  constexpr size_t kNameBytesMax = 1000;
  for (const std::string* name :
       {&answer.question, &answer.user, &answer.status, &answer.guideline_version}) {
    if (name->size() > kNameBytesMax) {
      return invalid_input("a question, person or status has a name of {} bytes, at most {}",
                           name->size(), kNameBytesMax);
    }
  }
  record.answers.push_back(std::move(answer));
  return {};
}

Status add_answer(const std::string& question, const OrderedJson& answer, ArgillaRecord& record) {
  if (!answer.is_object()) {
    return invalid_input("an answer to \"{}\" must be an object, found {}", question,
                         answer.type_name());
  }
  const OrderedJson* value = find_column(answer, "value");
  if (value == nullptr) return {};
  const std::string user = TRY(user_of(answer));
  const std::string status = TRY(optional_text_column(answer, "status"));
  return add(record, {question, *value, user, status, ""});
}

// {question: [{value, user_id}]}
Status add_answers_by_question(const OrderedJson& responses, ArgillaRecord& record) {
  for (const auto& [question, answers] : responses.items()) {
    if (answers.is_null()) continue;
    if (!answers.is_array()) return invalid_input("\"responses.{}\" must be a list", question);
    for (const OrderedJson& answer : answers) TRY(add_answer(question, answer, record));
  }
  return {};
}

// [{"values": {question: {value}}, "user_id", "status"}] of the API and of Attune's export.
Status add_answers_by_person(const OrderedJson& responses, ArgillaRecord& record) {
  for (const OrderedJson& response : responses) {
    const OrderedJson* values = find_column(response, "values");
    if (values == nullptr) continue;  // a discard without answers
    if (!values->is_object()) return invalid_input("\"responses[].values\" must be an object");
    const std::string user = TRY(user_of(response));
    const std::string status = TRY(optional_text_column(response, "status"));
    const std::string version = TRY(optional_text_column(response, "guideline_version"));
    for (const auto& [question, answer] : values->items()) {
      const OrderedJson* value = find_column(answer, "value");
      if (value != nullptr) TRY(add(record, {question, *value, user, status, version}));
    }
  }
  return {};
}

Status read_nested(const OrderedJson& row, ArgillaRecord& record) {
  record.fields = row["fields"];
  const OrderedJson* metadata = find_column(row, "metadata");
  if (metadata != nullptr && metadata->is_object()) record.metadata = *metadata;
  const OrderedJson* suggestions = find_column(row, "suggestions");
  record.has_suggestions = suggestions != nullptr && !suggestions->empty();
  const OrderedJson* responses = find_column(row, "responses");
  if (responses == nullptr) return {};
  if (responses->is_array()) return add_answers_by_person(*responses, record);
  if (responses->is_object()) return add_answers_by_question(*responses, record);
  return invalid_input("\"responses\" must be an object or a list");
}

Status read_flat(const OrderedJson& row, ArgillaRecord& record) {
  for (const auto& [name, value] : row.items()) {
    if (value.is_null()) continue;
    const bool is_list = std::string_view(name).ends_with(kResponses) && value.is_array();
    const bool about_question = name.find(kResponses) != std::string::npos ||
                                name.find(kSuggestion) != std::string::npos;
    if (std::string_view(name).ends_with(kSuggestion)) record.has_suggestions = true;
    if (!about_question && name != "id" && name != "_server_id") record.fields[name] = value;
    if (!is_list) continue;
    const std::string question = name.substr(0, name.size() - kResponses.size());
    const OrderedJson* users = find_column(row, name + ".users");
    const OrderedJson* statuses = find_column(row, name + ".status");
    for (size_t i = 0; i < value.size(); ++i) {
      if (value[i].is_null()) continue;
      TRY(add(record, {question, value[i], text_at(users, i), text_at(statuses, i), ""}));
    }
  }
  return {};
}

Status read_older_flat(const OrderedJson& row, ArgillaRecord& record) {
  for (const auto& [name, value] : row.items()) {
    if (value.is_null()) continue;
    const bool is_suggestion = name.find(kOlderSuggestion) != std::string::npos;
    const OrderedJson* suggestion = find_column(row, name + std::string(kOlderSuggestion));
    const bool is_question = row.contains(name + std::string(kOlderSuggestion));
    if (is_question) record.has_suggestions = record.has_suggestions || suggestion != nullptr;
    if (is_question && value.is_array()) {
      for (const OrderedJson& answer : value) TRY(add_answer(name, answer, record));
    } else if (is_question && value.is_object()) {
      const OrderedJson* values = find_column(value, "value");
      const size_t count = values != nullptr && values->is_array() ? values->size() : 0;
      for (size_t i = 0; i < count; ++i) {
        if ((*values)[i].is_null()) continue;
        TRY(add(record, {name, (*values)[i], text_at(find_column(value, "user_id"), i),
                         text_at(find_column(value, "status"), i), ""}));
      }
    } else if (!is_question && !is_suggestion && name != "external_id") {
      record.fields[name] = value;
    }
  }
  return {};
}

}  // namespace

bool is_argilla_record(const OrderedJson& row) {
  if (!row.is_object()) return false;
  const auto fields = row.find("fields");
  if (fields != row.end() && fields->is_object()) {
    return row.contains("responses") || row.contains("suggestions");
  }
  return any_column_ends(row, kResponses) || any_column_ends(row, kSuggestion) ||
         any_column_ends(row, kOlderSuggestion);
}

Result<ArgillaRecord> parse_argilla_record(const OrderedJson& row) {
  ArgillaRecord record;
  const OrderedJson* fields = find_column(row, "fields");
  record.id = TRY(optional_text_column(row, "external_id"));
  if (record.id.empty()) record.id = TRY(optional_text_column(row, "id"));
  if (fields != nullptr && fields->is_object()) {
    TRY(read_nested(row, record));
  } else if (!row.is_object()) {
    return invalid_input("a record must be an object, found {}", row.type_name());
  } else if (any_column_ends(row, kResponses) || any_column_ends(row, kSuggestion)) {
    TRY(read_flat(row, record));
  } else {
    TRY(read_older_flat(row, record));
  }
  return record;
}

}  // namespace attune::data
