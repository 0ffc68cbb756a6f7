#include "server/store/suggestions.h"

#include "server/domain/identity.h"
#include "server/store/record_values.h"
#include "server/store/statements.h"

namespace attune::store {
namespace {

constexpr const char* kColumns =
    "s.record, s.id, s.value, s.type, s.agent, s.score, s.inserted_at, s.updated_at, p.id, q.id";
constexpr const char* kSuggestions =
    "suggestions s JOIN records p ON p.position = s.record "
    "JOIN questions q ON q.position = s.question";

Result<SuggestionOn> suggestion_in(const Row& row) {
  domain::Suggestion one;
  one.id = row.text(1);
  one.value = TRY(parse_ordered_json(row.text(2)));
  one.type = row.text_or_null(3);
  one.agent = row.text_or_null(4);
  if (!row.is_null(5)) one.score = TRY(parse_ordered_json(row.text(5)));
  one.inserted_at = row.text(6);
  one.updated_at = row.text(7);
  one.record_id = row.text(8);
  one.question_id = row.text(9);
  return SuggestionOn{row.integer(0), std::move(one)};
}

Value json_or_null(const OrderedJson& json) {
  return json.is_null() ? Value(nullptr) : Value(to_line(json));
}

}  // namespace

Status write_suggestions(Connection& connection, const domain::Schema& schema,
                         std::span<const Suggesting> suggestions, bool fresh) {
  std::vector<Value> rows;
  std::vector<SuggestionOf> values;
  for (const Suggesting& one : suggestions) {
    const domain::SuggestionChange& change = *one.change;
    const domain::Question* question = domain::question_with_id(schema, change.question_id);
    CHECK(question != nullptr, "suggestion for question {}", change.question_id);
    const std::string at = domain::now();
    rows.insert(rows.end(), {domain::new_id(), one.record, question->position,
                             to_line(change.value), or_null(change.type), or_null(change.agent),
                             json_or_null(change.score), at, at});
    values.push_back({one.record, question->position, &change.value, &change.score});
  }
  TRY(insert_rows(connection,
                  "INSERT INTO suggestions (id, record, question, value, type, agent, score, "
                  "inserted_at, updated_at)",
                  9, rows,
                  "ON CONFLICT (record, question) DO UPDATE SET value = excluded.value, "
                  "type = excluded.type, agent = excluded.agent, score = excluded.score, "
                  "updated_at = excluded.updated_at"));
  return write_suggestion_values(connection, values, fresh);
}

Status delete_suggestions_of(Connection& connection, std::span<const int64_t> records) {
  const std::vector<Value> keys = as_values(records);
  TRY(run_in(connection, "DELETE FROM suggestion_values WHERE record IN ", keys));
  TRY(run_in(connection, "DELETE FROM suggestions WHERE record IN ", keys));
  return {};
}

Status delete_suggestions(Connection& connection, int64_t record,
                          std::span<const std::string> ids) {
  const std::vector<Value> keys = as_values(ids);
  TRY(run_in(connection,
             "DELETE FROM suggestion_values WHERE record = $1 AND question IN "
             "(SELECT question FROM suggestions WHERE record = $1 AND id IN ",
             keys, ")", {record}));
  TRY(run_in(connection, "DELETE FROM suggestions WHERE record = $1 AND id IN ", keys, "",
             {record}));
  return {};
}

Result<std::vector<SuggestionOn>> suggestions_of(Connection& connection,
                                                 std::span<const int64_t> records) {
  std::vector<SuggestionOn> found;
  for (const Row& row : TRY(run_in(connection,
                                   fmt::format("SELECT {} FROM {} WHERE s.record IN ", kColumns,
                                               kSuggestions),
                                   as_values(records), " ORDER BY s.record, s.question"))) {
    found.push_back(TRY(suggestion_in(row)));
  }
  return found;
}

Result<std::optional<PlacedSuggestion>> find_suggestion(Connection& connection,
                                                        const std::string& id) {
  const Rows rows = TRY(connection.run(
      fmt::format("SELECT {}, d.id FROM {} JOIN datasets d ON d.position = p.dataset "
                  "WHERE s.id = $1",
                  kColumns, kSuggestions),
      {id}));
  if (rows.empty()) return std::optional<PlacedSuggestion>();
  SuggestionOn found = TRY(suggestion_in(rows[0]));
  return std::optional(
      PlacedSuggestion{std::move(found.suggestion), found.record, rows[0].text(10)});
}

Result<std::vector<QuestionAgents>> suggestion_agents(Connection& connection,
                                                      const domain::Schema& schema) {
  std::vector<QuestionAgents> all;
  for (const domain::Question& question : schema.questions) {
    QuestionAgents one{question.id, question.name, {}};
    for (const Row& row : TRY(connection.run(
             "SELECT DISTINCT agent FROM suggestions WHERE question = $1 AND agent IS NOT NULL "
             "ORDER BY agent",
             {question.position}))) {
      one.agents.push_back(row.text(0));
    }
    all.push_back(std::move(one));
  }
  return all;
}

}  // namespace attune::store
