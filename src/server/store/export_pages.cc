#include "server/store/export_pages.h"

#include <set>

#include "server/store/statements.h"
#include "server/store/vector_bytes.h"

namespace attune::store {
namespace {

// What hangs on the records of a page, by one statement for each kind: the records first (CROSS
// JOIN keeps SQLite to that), then a look into the other's index for each.
constexpr const char* kOfPage = "p.dataset = $1 AND p.position BETWEEN $2 AND $3";

const std::string kRecords =
    "SELECT position, id, external_id, fields, metadata, completed, inserted_at, updated_at FROM "
    "records WHERE dataset = $1 AND position > $2 ORDER BY position LIMIT $3";

const std::string kAnswers =
    std::string("SELECT p.position, r.id, r.user_id, r.status, r.response_values, r.inserted_at, "
                "r.updated_at, h.guideline_version, h.seconds_spent, h.shown_order "
                "FROM records p CROSS JOIN responses r LEFT JOIN response_history h ON h.number = "
                "(SELECT max(l.number) FROM response_history l WHERE l.response_id = r.id) "
                "WHERE r.record = p.position AND ") +
    kOfPage + " ORDER BY p.position, r.inserted_at, r.id";

const std::string kSuggestions =
    std::string("SELECT p.position, q.id, s.value, s.type, s.agent, s.score "
                "FROM records p CROSS JOIN suggestions s CROSS JOIN questions q "
                "WHERE s.record = p.position AND q.position = s.question AND ") +
    kOfPage + " ORDER BY p.position, s.question";

const std::string kVectors =
    std::string("SELECT p.position, v.vector, v.components "
                "FROM records p CROSS JOIN record_vectors v WHERE v.record = p.position AND ") +
    kOfPage + " ORDER BY p.position";

std::string decisions_sql(const char* table) {
  return std::string("SELECT p.position, d.user_id, d.answer, d.note, d.at FROM records p CROSS "
                     "JOIN ") +
         table + " d WHERE d.record = p.position AND " + kOfPage + " ORDER BY p.position";
}

const std::string kComments =
    std::string("SELECT p.position, c.id, c.user_id, c.text, c.inserted_at, c.updated_at "
                "FROM records p CROSS JOIN comments c WHERE c.record = p.position AND ") +
    kOfPage + " ORDER BY p.position, c.position";

std::string json_of(Row& row, size_t column) {
  return row.is_null(column) ? "null" : row.take_text(column);
}

ExportedRecord record_in(Row& row) {
  ExportedRecord record;
  record.position = row.integer(0);
  record.id = row.take_text(1);
  record.external_id = row.text_or_null(2);
  record.fields = row.take_text(3);
  record.metadata = json_of(row, 4);
  record.completed = row.boolean(5);
  record.inserted_at = row.take_text(6);
  record.updated_at = row.take_text(7);
  return record;
}

ExportedAnswer answer_in(Row& row) {
  ExportedAnswer answer;
  answer.id = row.take_text(1);
  answer.user_id = row.take_text(2);
  const auto status = domain::response_status_of(row.text(3));
  CHECK(status.has_value(), "status {} of a response", row.text(3));
  answer.status = *status;
  answer.values = row.take_text(4);
  answer.inserted_at = row.take_text(5);
  answer.updated_at = row.take_text(6);
  if (!row.is_null(7)) answer.guideline_version = row.integer(7);
  if (!row.is_null(8)) answer.seconds_spent = row.real(8);
  answer.shown_order = json_of(row, 9);
  return answer;
}

ExportedSuggestion suggestion_in(Row& row) {
  ExportedSuggestion suggestion;
  suggestion.question_id = row.take_text(1);
  suggestion.value = row.take_text(2);
  suggestion.type = row.text_or_null(3);
  suggestion.agent = row.text_or_null(4);
  suggestion.score = json_of(row, 5);
  return suggestion;
}

ExportedDecision decision_in(Row& row) {
  return {row.take_text(1), row.take_text(2), row.text_or_null(3), row.take_text(4)};
}

// A page whose records are read; its parts come in their order.
class Filling {
 public:
  Filling(Connection& connection, const domain::Schema& schema, ExportPage& page)
      : connection_(connection), schema_(schema), page_(page) {}

  Status answers() {
    return each(kAnswers, [](ExportedRecord& record, Row& row) {
      record.answers.push_back(answer_in(row));
    });
  }
  Status suggestions() {
    return each(kSuggestions, [](ExportedRecord& record, Row& row) {
      record.suggestions.push_back(suggestion_in(row));
    });
  }
  Status vectors() {
    std::map<int64_t, const std::string*> names;
    for (const domain::VectorSettings& one : schema_.vectors) names[one.position] = &one.name;
    return each(kVectors, [&](ExportedRecord& record, Row& row) {
      const auto name = names.find(row.integer(1));
      if (name != names.end()) record.vectors[*name->second] = components_of(row.bytes(2));
    });
  }
  Status beside(const SaidBeside& wanted) {
    if (wanted.adjudications) {
      TRY(each(decisions_sql("adjudications"), [](ExportedRecord& record, Row& row) {
        record.adjudication = decision_in(row);
      }));
    }
    if (wanted.gold) {
      TRY(each(decisions_sql("gold_records"), [](ExportedRecord& record, Row& row) {
        record.gold = decision_in(row);
      }));
    }
    if (!wanted.comments) return {};
    return each(kComments, [](ExportedRecord& record, Row& row) {
      record.comments.push_back({row.take_text(1), row.take_text(2), row.take_text(3),
                                 row.take_text(4), row.take_text(5)});
    });
  }
  Status usernames() {
    std::set<std::string> ids;
    for (const ExportedRecord& record : page_.records) {
      for (const ExportedAnswer& one : record.answers) ids.insert(one.user_id);
      for (const ExportedComment& one : record.comments) ids.insert(one.user_id);
      if (record.adjudication) ids.insert(record.adjudication->user_id);
      if (record.gold) ids.insert(record.gold->user_id);
    }
    const std::vector<Value> keys(ids.begin(), ids.end());
    for (const Row& row :
         TRY(run_in(connection_, "SELECT id, username FROM users WHERE id IN ", keys))) {
      page_.usernames[row.text(0)] = row.text(1);
    }
    return {};
  }

 private:
  template <typename Take>
  Status each(const std::string& sql, Take&& take) {
    Rows rows = TRY(connection_.run(sql, {schema_.dataset.position, page_.records.front().position,
                                          page_.records.back().position}));
    size_t at = 0;
    for (Row& row : rows) {
      while (page_.records[at].position != row.integer(0)) {
        ++at;
        CHECK(at < page_.records.size(), "a part of record {} of another page", row.integer(0));
      }
      take(page_.records[at], row);
    }
    return {};
  }

  Connection& connection_;
  const domain::Schema& schema_;
  ExportPage& page_;
};

}  // namespace

Result<ExportPage> export_page(Connection& connection, const domain::Schema& schema, int64_t after,
                               int64_t limit, const RecordParts& parts,
                               const SaidBeside& beside) {
  ExportPage page;
  Rows rows = TRY(connection.run(kRecords, {schema.dataset.position, after, limit}));
  page.records.reserve(rows.size());
  for (Row& row : rows) page.records.push_back(record_in(row));
  if (page.records.empty()) return page;
  Filling filling(connection, schema, page);
  if (parts.responses) TRY(filling.answers());
  TRY(filling.beside(beside));
  TRY(filling.usernames());
  if (parts.suggestions) TRY(filling.suggestions());
  if (parts.vectors) TRY(filling.vectors());
  return page;
}

}  // namespace attune::store
