#include "server/api/export/export_line.h"

namespace attune::api {
namespace {

// An object or a list that is written as its parts come.
class Writing {
 public:
  explicit Writing(std::string& out) : out_(out) {}

  void begin(char bracket) {
    separate();
    out_ += bracket;
    first_ = true;
  }
  void end(char bracket) {
    out_ += bracket;
    first_ = false;
  }
  // The name of what comes next; a plain word.
  Writing& name(std::string_view name) {
    separate();
    out_ += '"';
    out_ += name;
    out_ += "\":";
    first_ = true;
    return *this;
  }
  void json(std::string_view text) {
    separate();
    out_ += text;
  }
  void text(std::string_view text) {
    separate();
    append_json_text(text, out_);
  }
  void text_or_null(const std::optional<std::string>& text) {
    if (text) return this->text(*text);
    json("null");
  }

 private:
  void separate() {
    if (!first_) out_ += ',';
    first_ = false;
  }

  std::string& out_;
  bool first_ = true;
};

template <typename T>
std::string json_or_null(const std::optional<T>& number) {
  return number ? to_line(OrderedJson(*number)) : "null";
}

void write_answer(const store::ExportPage& page, const store::ExportedAnswer& answer,
                  Writing& line) {
  line.begin('{');
  line.name("id").text(answer.id);
  line.name("user_id").text(answer.user_id);
  line.name("annotator").text(name_of(page, answer.user_id));
  line.name("status").text(to_string(answer.status));
  line.name("values").json(answer.values);
  line.name("guideline_version").json(json_or_null(answer.guideline_version));
  line.name("seconds_spent").json(json_or_null(answer.seconds_spent));
  line.name("shown_order").json(answer.shown_order);
  line.name("inserted_at").text(answer.inserted_at);
  line.name("updated_at").text(answer.updated_at);
  line.end('}');
}

void write_suggestion(const domain::Schema& schema, const store::ExportedSuggestion& suggestion,
                      Writing& line) {
  const domain::Question* question = domain::question_with_id(schema, suggestion.question_id);
  line.begin('{');
  line.name("question").text(question == nullptr ? suggestion.question_id : question->name);
  line.name("value").json(suggestion.value);
  line.name("type").text_or_null(suggestion.type);
  line.name("agent").text_or_null(suggestion.agent);
  line.name("score").json(suggestion.score);
  line.end('}');
}

void write_decision(const store::ExportPage& page, const store::ExportedDecision& decision,
                    Writing& line) {
  line.begin('{');
  line.name("user_id").text(decision.user_id);
  line.name("reviewer").text(name_of(page, decision.user_id));
  line.name("values").json(decision.values);
  line.name("note").text_or_null(decision.note);
  line.name("at").text(decision.at);
  line.end('}');
}

void write_comment(const store::ExportPage& page, const store::ExportedComment& comment,
                   Writing& line) {
  line.begin('{');
  line.name("id").text(comment.id);
  line.name("user_id").text(comment.user_id);
  line.name("author").text(name_of(page, comment.user_id));
  line.name("text").text(comment.text);
  line.name("inserted_at").text(comment.inserted_at);
  line.name("updated_at").text(comment.updated_at);
  line.end('}');
}

}  // namespace

bool is_wanted(const ExportPlan& plan, const store::ExportedAnswer& answer) {
  return plan.statuses.empty() || plan.statuses.contains(answer.status);
}

const std::string& name_of(const store::ExportPage& page, const std::string& user_id) {
  const auto name = page.usernames.find(user_id);
  return name == page.usernames.end() ? user_id : name->second;
}

void append_whole_record(const domain::Schema& schema, const ExportPlan& plan,
                         const store::ExportPage& page, const store::ExportedRecord& record,
                         std::string& out) {
  Writing line(out);
  line.begin('{');
  line.name("id").text(record.id);
  line.name("external_id").text_or_null(record.external_id);
  line.name("status").text(record.completed ? "completed" : "pending");
  line.name("fields").json(record.fields);
  line.name("metadata").json(record.metadata);
  line.name("suggestions").begin('[');
  for (const auto& one : record.suggestions) write_suggestion(schema, one, line);
  line.end(']');
  line.name("responses").begin('[');
  for (const auto& one : record.answers) {
    if (is_wanted(plan, one)) write_answer(page, one, line);
  }
  line.end(']');
  if (record.adjudication) write_decision(page, *record.adjudication, line.name("adjudication"));
  if (record.gold) write_decision(page, *record.gold, line.name("gold"));
  if (!record.comments.empty()) {
    line.name("comments").begin('[');
    for (const auto& one : record.comments) write_comment(page, one, line);
    line.end(']');
  }
  if (!record.vectors.empty()) line.name("vectors").json(to_line(OrderedJson(record.vectors)));
  line.name("inserted_at").text(record.inserted_at);
  line.name("updated_at").text(record.updated_at);
  line.end('}');
  out += '\n';
}

}  // namespace attune::api
