#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

#include "server/domain/identity.h"
#include "server/store/completion.h"
#include "server/store/record_history.h"
#include "server/store/record_rows.h"
#include "server/store/record_values.h"
#include "server/store/records.h"
#include "server/store/statements.h"
#include "server/store/suggestions.h"
#include "server/store/vector_bytes.h"

namespace attune::store {
namespace {

Value json_or_null(const OrderedJson& json) {
  return json.is_null() ? Value(nullptr) : Value(to_line(json));
}

// What the record's row will say: of an existing one, what the change leaves unset stays.
struct NewRow {
  std::string id;
  const OrderedJson* fields = nullptr;
  const OrderedJson* metadata = nullptr;
  const PreparedRecord* prepared = nullptr;
  bool changes_row = false;  // new, or one of its own columns changes

  Value fields_text() const {
    return prepared != nullptr && !prepared->fields.empty() ? prepared->fields : to_line(*fields);
  }
  Value metadata_text() const {
    return prepared != nullptr && !prepared->metadata.empty() ? prepared->metadata
                                                              : json_or_null(*metadata);
  }
};

NewRow new_row(const RecordWrite& write) {
  static const OrderedJson kNothing;
  const domain::RecordChange& change = *write.change;
  NewRow row;
  row.prepared = write.prepared;
  row.fields = change.fields ? &*change.fields : nullptr;
  row.metadata = change.metadata ? &*change.metadata : &kNothing;
  if (write.existing == nullptr) {
    CHECK(row.fields != nullptr, "a new record without fields");
    row.id = domain::new_id();
    row.changes_row = true;
    return row;
  }
  row.id = write.existing->id;
  if (!change.fields) row.fields = &write.existing->fields;
  if (!change.metadata) row.metadata = &write.existing->metadata;
  row.changes_row = change.fields || change.metadata ||
                    (change.external_id && change.external_id != write.existing->external_id);
  return row;
}

// The records that will say something else than they do, as they are before it.
Status keep_what_changes(Connection& connection, const domain::Schema& schema,
                         std::span<const RecordWrite> writes, std::span<const NewRow> rows,
                         const std::string& author_id) {
  std::vector<const domain::Record*> changed;
  for (size_t i = 0; i < writes.size(); ++i) {
    const domain::Record* before = writes[i].existing;
    if (before == nullptr || !rows[i].changes_row) continue;
    const auto& external_id = writes[i].change->external_id;
    const bool same = *rows[i].fields == before->fields && *rows[i].metadata == before->metadata &&
                      (!external_id || external_id == before->external_id);
    if (!same) changed.push_back(before);
  }
  return keep_versions(connection, schema.dataset.position, changed, author_id);
}

// New rows and changed ones by one kind of statement: an id that is there is an update.
Status write_rows(Connection& connection, const domain::Schema& schema,
                  std::span<const RecordWrite> writes, std::span<const NewRow> rows,
                  std::span<WrittenRecord> written) {
  std::vector<Value> values;
  std::unordered_map<std::string, WrittenRecord*> by_id;
  for (size_t i = 0; i < writes.size(); ++i) {
    const domain::Record* existing = writes[i].existing;
    written[i].id = rows[i].id;
    written[i].is_new = existing == nullptr;
    if (existing != nullptr) written[i].position = existing->position;
    if (!rows[i].changes_row) continue;
    const auto& external_id = writes[i].change->external_id || existing == nullptr
                                  ? writes[i].change->external_id
                                  : existing->external_id;
    const std::string at = domain::now();
    values.insert(values.end(),
                  {rows[i].id, schema.dataset.position, or_null(external_id),
                   rows[i].fields_text(), rows[i].metadata_text(), int64_t{0},
                   existing == nullptr ? at : existing->inserted_at, at});
    by_id[rows[i].id] = &written[i];
  }
  for (const Row& row : TRY(insert_rows(
           connection,
           "INSERT INTO records (id, dataset, external_id, fields, metadata, completed, "
           "inserted_at, updated_at)",
           8, values,
           "ON CONFLICT (id) DO UPDATE SET external_id = excluded.external_id, "
           "fields = excluded.fields, metadata = excluded.metadata, "
           "updated_at = excluded.updated_at RETURNING position, id"))) {
    by_id.at(row.text(1))->position = row.integer(0);
  }
  return {};
}

// Calls `write(fresh, part)` for the new records and for the others, where there are any.
template <typename T, typename F>
Status for_fresh_and_not(std::vector<T> fresh, std::vector<T> others, F&& write) {
  if (!fresh.empty()) TRY(write(std::span<const T>(fresh), true));
  if (!others.empty()) TRY(write(std::span<const T>(others), false));
  return {};
}

Status write_words(Connection& connection, const domain::Schema& schema,
                   std::span<const RecordWrite> writes, std::span<const NewRow> rows,
                   std::span<const WrittenRecord> written, Indexing indexing) {
  std::vector<TextToIndex> texts;
  for (size_t i = 0; i < writes.size(); ++i) {
    const bool later = written[i].is_new && indexing == Indexing::kLater;
    if (!writes[i].change->fields || later) continue;
    texts.push_back({written[i].position, rows[i].fields,
                     rows[i].prepared != nullptr ? &rows[i].prepared->words : nullptr,
                     written[i].is_new});
  }
  std::sort(texts.begin(), texts.end(),
            [](const auto& a, const auto& b) { return a.record < b.record; });
  return index_texts(connection, schema, texts);
}

Status write_metadata(Connection& connection, const domain::Schema& schema,
                      std::span<const RecordWrite> writes, std::span<const WrittenRecord> written) {
  std::vector<MetadataOf> fresh, others;
  for (size_t i = 0; i < writes.size(); ++i) {
    if (!writes[i].change->metadata) continue;
    (written[i].is_new ? fresh : others)
        .push_back({written[i].position, &*writes[i].change->metadata});
  }
  return for_fresh_and_not(std::move(fresh), std::move(others), [&](auto all, bool is_fresh) {
    return write_metadata_values(connection, schema, all, is_fresh);
  });
}

Status write_all_suggestions(Connection& connection, const domain::Schema& schema,
                             std::span<const RecordWrite> writes,
                             std::span<const WrittenRecord> written) {
  std::vector<Suggesting> fresh, others;
  std::vector<int64_t> replaced;
  for (size_t i = 0; i < writes.size(); ++i) {
    const domain::RecordChange& change = *writes[i].change;
    if (!change.suggestions) continue;
    const bool replaces = change.replaces_suggestions && !written[i].is_new;
    if (replaces) replaced.push_back(written[i].position);
    for (const domain::SuggestionChange& one : *change.suggestions) {
      (written[i].is_new || replaces ? fresh : others).push_back({written[i].position, &one});
    }
  }
  TRY(delete_suggestions_of(connection, replaced));
  return for_fresh_and_not(std::move(fresh), std::move(others), [&](auto all, bool is_fresh) {
    return write_suggestions(connection, schema, all, is_fresh);
  });
}

Status write_vectors(Connection& connection, const domain::Schema& schema,
                     std::span<const RecordWrite> writes, std::span<const WrittenRecord> written) {
  std::vector<Value> rows;
  for (size_t i = 0; i < writes.size(); ++i) {
    if (!writes[i].change->vectors.is_object()) continue;
    for (const auto& [name, components] : writes[i].change->vectors.items()) {
      const domain::VectorSettings* vector = domain::vector_named(schema, name);
      CHECK(vector != nullptr, "vector {}", name);
      const std::vector<float> numbers(components.begin(), components.end());
      rows.insert(rows.end(), {written[i].position, vector->position, bytes_of(numbers)});
    }
  }
  TRY(insert_rows(connection, "INSERT INTO record_vectors (record, vector, components)", 3, rows,
                  "ON CONFLICT (vector, record) DO UPDATE SET components = excluded.components"));
  return {};
}

Status write_responses(Connection& connection, const domain::Schema& schema,
                       std::span<const RecordWrite> writes, std::span<WrittenRecord> written,
                       const Authorship& authorship) {
  std::vector<Answering> answers;
  std::vector<int64_t> answered;
  for (size_t i = 0; i < writes.size(); ++i) {
    for (const domain::ResponseChange& one : writes[i].change->responses) {
      answers.push_back({written[i].position, written[i].id, one});
    }
    if (!writes[i].change->responses.empty()) answered.push_back(written[i].position);
  }
  if (answers.empty()) return {};
  TRY(write_answers(connection, schema, answers, authorship));
  const std::vector<int64_t> completed = TRY(recompute(connection, schema.dataset, answered));
  const std::set<int64_t> now(completed.begin(), completed.end());
  for (WrittenRecord& one : written) one.completed_now = now.contains(one.position);
  return {};
}

}  // namespace

PreparedRecord prepare(const domain::RecordChange& change, Indexing indexing) {
  PreparedRecord prepared;
  if (change.fields) {
    prepared.fields = to_line(*change.fields);
    if (indexing == Indexing::kNow) prepared.words = fold_fields(*change.fields);
  }
  if (change.metadata && !change.metadata->is_null()) prepared.metadata = to_line(*change.metadata);
  return prepared;
}

Result<std::vector<std::optional<domain::Record>>> match_records(
    Connection& connection, const domain::Schema& schema,
    std::span<const domain::RecordChange> changes) {
  std::vector<Value> ids, external_ids;
  for (const domain::RecordChange& change : changes) {
    if (change.id) ids.emplace_back(*change.id);
    if (change.external_id) external_ids.emplace_back(*change.external_id);
  }
  const std::string select =
      std::string("SELECT ") + kRecordColumns + " FROM records WHERE dataset = $1 AND ";
  std::unordered_map<std::string, domain::Record> by_id, by_external_id;
  for (const Row& row :
       TRY(run_in(connection, select + "id IN ", ids, "", {schema.dataset.position}))) {
    by_id.insert_or_assign(row.text(1), TRY(record_in(row, schema.dataset.id)));
  }
  for (const Row& row : TRY(run_in(connection, select + "external_id IN ", external_ids, "",
                                   {schema.dataset.position}))) {
    by_external_id.insert_or_assign(row.text(2), TRY(record_in(row, schema.dataset.id)));
  }
  std::vector<std::optional<domain::Record>> matched(changes.size());
  for (size_t i = 0; i < changes.size(); ++i) {
    const auto by = [](const auto& map, const std::optional<std::string>& key) {
      return key ? map.find(*key) : map.end();
    };
    const auto one = by(by_id, changes[i].id);
    const auto named = by(by_external_id, changes[i].external_id);
    if (one != by_id.end()) matched[i] = one->second;
    if (named == by_external_id.end()) continue;
    if (!matched[i]) {
      matched[i] = named->second;
    } else if (matched[i]->id != named->second.id) {
      return invalid_input(
          "Record at position {} is not valid because its external id `{}` is that of record {}",
          i, *changes[i].external_id, named->second.id);
    }
  }
  return matched;
}

Result<std::vector<WrittenRecord>> write_records(Connection& connection,
                                                 const domain::Schema& schema,
                                                 std::span<const RecordWrite> writes,
                                                 const Authorship& authorship,
                                                 Indexing indexing) {
  std::vector<WrittenRecord> written(writes.size());
  std::vector<NewRow> rows;
  for (const RecordWrite& write : writes) rows.push_back(new_row(write));
  TRY(keep_what_changes(connection, schema, writes, rows, authorship.author_id));
  TRY(write_rows(connection, schema, writes, rows, written));
  TRY(write_words(connection, schema, writes, rows, written, indexing));
  TRY(write_metadata(connection, schema, writes, written));
  TRY(write_all_suggestions(connection, schema, writes, written));
  TRY(write_vectors(connection, schema, writes, written));
  TRY(write_responses(connection, schema, writes, written, authorship));
  const auto made = std::count_if(written.begin(), written.end(),
                                  [](const WrittenRecord& one) { return one.is_new; });
  TRY(change_record_count(connection, schema.dataset.position, made));
  return written;
}

}  // namespace attune::store
