#include "server/store/text_index.h"

#include <algorithm>
#include <array>
#include <map>

#include "server/store/text_match.h"
#include "server/store/text_words.h"

namespace attune::store {
namespace {

// Of one record. PostgreSQL keeps a vector of words below 1 MB.
constexpr size_t kIndexedBytesMax = 400'000;
// Between fields: a phrase, or words near each other, are of one field.
constexpr int kFieldGap = kNearMax + 50;
constexpr int kPositionMax = 16383;   // of PostgreSQL; later words all stand there
constexpr int kPositionsOfOneMax = 255;

using Places = std::array<std::string, kTextPlaces>;  // folded words of each place of the index

// The words of a field, at most about `left` bytes of them.
std::string words_in(const TextToIndex& text, const std::string& name, size_t left) {
  if (text.folded != nullptr) {
    for (const auto& [field, words] : *text.folded) {
      if (field == name && words.size() <= left) return words;
    }
  }
  const auto value = text.fields->find(name);
  return value == text.fields->end() ? "" : folded_words(text_of_field(*value), left);
}

Places places_of(const domain::Schema& schema, const TextToIndex& text) {
  Places places;
  size_t left = kIndexedBytesMax;
  for (size_t i = 0; i < schema.fields.size() && left > 0; ++i) {
    if (domain::type_of(schema.fields[i].settings) == "image") continue;
    std::string words = words_in(text, schema.fields[i].name, left);
    left -= std::min(left, words.size());
    std::string& place = places[text_place(i)];
    if (place.empty()) {
      place = std::move(words);
    } else if (!words.empty()) {
      place += ' ';
      place += words;
    }
  }
  return places;
}

// ---- SQLite ----

Status unindex_row(Connection& connection, int64_t row) {
  TRY(connection.run("DELETE FROM record_text WHERE rowid = $1", {row}));
  return {};
}

Status index_in_sqlite(Connection& connection, int64_t row, Places places) {
  static const std::string sql = [] {
    std::string names = "rowid, every", values = "$1, $2";
    for (size_t i = 0; i < kTextPlaces; ++i) {
      names += fmt::format(", f{}", i);
      values += fmt::format(", ${}", i + 3);
    }
    return "INSERT INTO record_text (" + names + ") VALUES (" + values + ")";
  }();
  std::vector<Value> parameters = {row, std::string("\xEF\xA3\xBF")};
  for (std::string& words : places) {
    if (words.empty()) {
      parameters.emplace_back(nullptr);
    } else {
      parameters.emplace_back(std::move(words));
    }
  }
  TRY(connection.run(sql, parameters));
  return {};
}

// ---- PostgreSQL ----

// The text of a tsvector: 'word':1,7 ...
class VectorText {
 public:
  // Words from position `at` on; gives the position behind them.
  int add(const std::string& words, int at) {
    for (size_t from = 0; from < words.size();) {
      const size_t end = std::min(words.find(' ', from), words.size());
      std::vector<int>& positions = positions_[words.substr(from, end - from)];
      const int position = std::min(at, kPositionMax);
      if (positions.size() < kPositionsOfOneMax &&
          (positions.empty() || positions.back() != position)) {
        positions.push_back(position);
      }
      ++at;
      from = end + 1;
    }
    return at;
  }

  std::string text() const {
    std::string text;
    for (const auto& [word, positions] : positions_) {
      text += '\'';
      text += word;
      text += '\'';
      char before = ':';
      for (const int position : positions) {
        text += before;
        text += std::to_string(position);
        before = ',';
      }
      text += ' ';
    }
    return text;
  }

 private:
  std::map<std::string, std::vector<int>> positions_;
};

Status index_in_postgres(Connection& connection, int64_t dataset, int64_t record,
                         const Places& places) {
  static const std::string sql = [] {
    std::string fields;
    for (size_t i = 0; i < kTextPlaces; ++i) {
      fields += fmt::format("{}${}::tsvector", i == 0 ? "" : ", ", i + 4);
    }
    return "INSERT INTO record_text (record, dataset, words, by_field) VALUES ($1, $2, "
           "$3::tsvector, ARRAY[" + fields + "]) ON CONFLICT (record) DO UPDATE SET dataset = "
           "excluded.dataset, words = excluded.words, by_field = excluded.by_field";
  }();
  VectorText all;
  int at = 1;
  std::vector<Value> parameters = {record, dataset, std::string()};
  for (const std::string& words : places) {
    VectorText one;
    one.add(words, 1);
    parameters.emplace_back(one.text());
    if (!words.empty()) at = all.add(words, at) + kFieldGap;
  }
  parameters[2] = all.text();
  TRY(connection.run(sql, parameters));
  return {};
}

// Of a record r of the data set $1, in a question that begins with it.
std::string not_indexed(const Connection& connection) {
  if (connection.dialect() == Dialect::kPostgres) {
    return "NOT EXISTS (SELECT 1 FROM record_text t WHERE t.record = r.position)";
  }
  return fmt::format(
      "NOT EXISTS (SELECT 1 FROM record_text t WHERE t.rowid = (r.dataset << {} | r.position))",
      kRecordBits);
}

// An image as text, megabytes of it: whether it is one, the data set's settings say.
bool looks_like_image(const OrderedJson& value) {
  return value.is_string() && value.get_ref<const std::string&>().starts_with("data:");
}

}  // namespace

FoldedFields fold_fields(const OrderedJson& fields) {
  FoldedFields folded;
  for (const auto& [name, value] : fields.items()) {
    if (looks_like_image(value)) continue;
    folded.emplace_back(name, folded_words(text_of_field(value), kIndexedBytesMax));
  }
  return folded;
}

Status index_texts(Connection& connection, const domain::Schema& schema,
                   std::span<const TextToIndex> texts) {
  const int64_t dataset = schema.dataset.position;
  for (const TextToIndex& text : texts) {
    Places places = places_of(schema, text);
    if (connection.dialect() == Dialect::kPostgres) {
      TRY(index_in_postgres(connection, dataset, text.record, places));
      continue;
    }
    const int64_t row = text_row(dataset, text.record);
    if (!text.fresh) TRY(unindex_row(connection, row));
    TRY(index_in_sqlite(connection, row, std::move(places)));
  }
  return {};
}

Result<MissingTexts> missing_texts(Connection& connection, const domain::Schema& schema,
                                   int64_t after, int64_t limit) {
  MissingTexts missing;
  const std::string sql = fmt::format(
      "SELECT r.position, CASE WHEN {} THEN r.fields END FROM records r WHERE r.dataset = $1 AND "
      "r.position > $2 ORDER BY r.position LIMIT $3",
      not_indexed(connection));
  const auto take = [&](const Row& row) -> Status {
    missing.last = row.integer(0);
    if (row.is_null(1)) return {};
    OrderedJson fields = TRY(parse_ordered_json(row.text(1)));
    FoldedFields folded = fold_fields(fields);
    missing.texts.push_back({row.integer(0), std::move(fields), std::move(folded)});
    return {};
  };
  TRY(connection.each(sql, {schema.dataset.position, after, limit}, take));
  return missing;
}

Status index_missing(Connection& connection, const domain::Schema& schema,
                     const MissingTexts& missing) {
  if (missing.texts.empty()) return {};
  const std::string sql = fmt::format(
      "SELECT r.position FROM records r WHERE r.dataset = $1 AND r.position BETWEEN $2 AND $3 AND "
      "{} ORDER BY r.position",
      not_indexed(connection));
  const Rows rows = TRY(connection.run(sql, {schema.dataset.position, missing.texts.front().record,
                                             missing.texts.back().record}));
  std::vector<TextToIndex> texts;
  auto still = rows.begin();
  for (const MissingTexts::One& one : missing.texts) {
    while (still != rows.end() && still->integer(0) < one.record) ++still;
    if (still == rows.end() || still->integer(0) != one.record) continue;
    texts.push_back({one.record, &one.fields, &one.folded, true});
  }
  return index_texts(connection, schema, texts);
}

Status unindex_texts(Connection& connection, int64_t dataset, std::span<const int64_t> records) {
  for (const int64_t record : records) {
    if (connection.dialect() == Dialect::kSqlite) {
      TRY(unindex_row(connection, text_row(dataset, record)));
    } else {
      TRY(connection.run("DELETE FROM record_text WHERE record = $1", {record}));
    }
  }
  return {};
}

Status unindex_dataset(Connection& connection, int64_t dataset) {
  if (connection.dialect() == Dialect::kPostgres) {
    TRY(connection.run("DELETE FROM record_text WHERE dataset = $1", {dataset}));
    return {};
  }
  const auto [first, last] = text_rows(dataset);
  TRY(connection.run("DELETE FROM record_text WHERE rowid BETWEEN $1 AND $2", {first, last}));
  return {};
}

}  // namespace attune::store
