#include "server/api/export/snapshot_rows.h"

#include "server/domain/tombstone.h"

namespace attune::api {
namespace {

std::optional<std::string> text_or_nothing(const OrderedJson& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

std::string text_of(const OrderedJson& object, const char* key) {
  return text_or_nothing(object, key).value_or("");
}

void add_answer(const OrderedJson& row, store::ExportedRecord& record, store::ExportPage& page) {
  if (domain::is_tombstone(row.at("values"))) return;
  store::ExportedAnswer answer;
  answer.id = text_of(row, "id");
  answer.user_id = text_of(row, "user_id");
  answer.values = to_line(row.at("values"));
  answer.status = domain::response_status_of(text_of(row, "status"))
                      .value_or(domain::ResponseStatus::kDraft);
  answer.inserted_at = text_of(row, "inserted_at");
  answer.updated_at = text_of(row, "updated_at");
  if (row.at("guideline_version").is_number()) {
    answer.guideline_version = row["guideline_version"].get<int64_t>();
  }
  if (row.at("seconds_spent").is_number()) {
    answer.seconds_spent = row["seconds_spent"].get<double>();
  }
  answer.shown_order = to_line(row.at("shown_order"));
  page.usernames[answer.user_id] = text_of(row, "annotator");
  record.answers.push_back(std::move(answer));
}

void add_adjudication(const OrderedJson& row, store::ExportedRecord& record,
                      store::ExportPage& page) {
  if (domain::is_tombstone(row.at("values"))) return;
  record.adjudication = store::ExportedDecision{text_of(row, "user_id"), to_line(row["values"]),
                                                text_or_nothing(row, "note"), text_of(row, "at")};
  page.usernames[record.adjudication->user_id] = text_of(row, "reviewer");
}

void add_suggestion(const domain::Schema& schema, const OrderedJson& row,
                    store::ExportedRecord& record) {
  const domain::Question* question = domain::question_named(schema, text_of(row, "question"));
  if (question == nullptr) return;
  store::ExportedSuggestion suggestion;
  suggestion.question_id = question->id;
  suggestion.value = to_line(row.at("value"));
  suggestion.type = text_or_nothing(row, "type");
  suggestion.agent = text_or_nothing(row, "agent");
  suggestion.score = to_line(row.at("score"));
  record.suggestions.push_back(std::move(suggestion));
}

}  // namespace

Result<store::ExportPage> page_of_snapshot(const domain::Schema& schema,
                                           std::span<const store::SnapshotRow> rows) {
  store::ExportPage page;
  for (const store::SnapshotRow& kept : rows) {
    const OrderedJson row = TRY(parse_ordered_json(kept.text));
    if (row.contains("forgotten")) continue;
    store::ExportedRecord record;
    record.id = text_of(row, "id");
    record.external_id = text_or_nothing(row, "external_id");
    record.fields = to_line(row.at("fields"));
    record.metadata = to_line(row.at("metadata"));
    record.completed = text_of(row, "status") == "completed";
    record.inserted_at = text_of(row, "inserted_at");
    record.updated_at = text_of(row, "updated_at");
    record.position = kept.number;
    for (const OrderedJson& one : row.at("suggestions")) add_suggestion(schema, one, record);
    for (const OrderedJson& one : row.at("responses")) add_answer(one, record, page);
    const auto decided = row.find("adjudication");
    if (decided != row.end()) add_adjudication(*decided, record, page);
    page.records.push_back(std::move(record));
  }
  return page;
}

}  // namespace attune::api
