#include "server/store/settings.h"

namespace attune::store {
namespace {

// What the four tables do not share: the name, and the columns beside
//   position, id, dataset_id, name, title, inserted_at, updated_at
// each read from and written to one row.
template <typename T>
struct Table;

Result<OrderedJson> settings_of(const Row& row, size_t column) {
  return parse_ordered_json(row.text(column));
}

int64_t flag(bool value) {
  return value ? 1 : 0;
}

template <>
struct Table<domain::Field> {
  static constexpr const char* kName = "fields";
  static constexpr std::string_view kFiledIn = "";
  static std::vector<std::string> columns() { return {"settings", "required"}; }
  static Status read(const Row& row, domain::Field& field) {
    field.settings = TRY(settings_of(row, 7));
    field.required = row.boolean(8);
    return {};
  }
  static std::vector<Value> values(const domain::Field& field) {
    return {to_line(field.settings), flag(field.required)};
  }
};

template <>
struct Table<domain::Question> {
  static constexpr const char* kName = "questions";
  // Questions with answers cannot be deleted, so nothing is filed under one that is.
  static constexpr std::string_view kFiledIn = "";
  static std::vector<std::string> columns() { return {"settings", "required", "description"}; }
  static Status read(const Row& row, domain::Question& question) {
    question.settings = TRY(settings_of(row, 7));
    question.required = row.boolean(8);
    question.description = row.text_or_null(9);
    return {};
  }
  static std::vector<Value> values(const domain::Question& question) {
    return {to_line(question.settings), flag(question.required), or_null(question.description)};
  }
};

template <>
struct Table<domain::MetadataProperty> {
  static constexpr const char* kName = "metadata_properties";
  static constexpr std::string_view kFiledIn = "DELETE FROM metadata_values WHERE property = $1";
  static std::vector<std::string> columns() { return {"settings", "visible_for_annotators"}; }
  static Status read(const Row& row, domain::MetadataProperty& property) {
    property.settings = TRY(settings_of(row, 7));
    property.visible_for_annotators = row.boolean(8);
    return {};
  }
  static std::vector<Value> values(const domain::MetadataProperty& property) {
    return {to_line(property.settings), flag(property.visible_for_annotators)};
  }
};

template <>
struct Table<domain::VectorSettings> {
  static constexpr const char* kName = "vectors_settings";
  static constexpr std::string_view kFiledIn = "DELETE FROM record_vectors WHERE vector = $1";
  static std::vector<std::string> columns() { return {"dimensions"}; }
  static Status read(const Row& row, domain::VectorSettings& vector) {
    vector.dimensions = row.integer(7);
    return {};
  }
  static std::vector<Value> values(const domain::VectorSettings& vector) {
    return {vector.dimensions};
  }
};

template <typename T>
Result<std::vector<T>> select(Connection& connection, const std::string& condition,
                              const std::string& key) {
  std::string sql = "SELECT position, id, dataset_id, name, title, inserted_at, updated_at";
  for (const std::string& column : Table<T>::columns()) sql += ", " + column;
  sql += std::string(" FROM ") + Table<T>::kName + " WHERE " + condition + " ORDER BY position";
  std::vector<T> found;
  for (const Row& row : TRY(connection.run(sql, {key}))) {
    T one;
    one.position = row.integer(0);
    one.id = row.text(1);
    one.dataset_id = row.text(2);
    one.name = row.text(3);
    one.title = row.text(4);
    one.inserted_at = row.text(5);
    one.updated_at = row.text(6);
    TRY(Table<T>::read(row, one));
    found.push_back(std::move(one));
  }
  return found;
}

}  // namespace

template <typename T>
Result<std::vector<T>> list_settings(Connection& connection, const std::string& dataset_id) {
  return select<T>(connection, "dataset_id = $1", dataset_id);
}

template <typename T>
Result<std::optional<T>> find_settings(Connection& connection, const std::string& id) {
  std::vector<T> found = TRY(select<T>(connection, "id = $1", id));
  if (found.empty()) return std::optional<T>();
  return std::optional<T>(std::move(found[0]));
}

template <typename T>
Status insert_settings(Connection& connection, T& made) {
  std::string names = "id, dataset_id, name, title, inserted_at, updated_at";
  std::string places = "$1, $2, $3, $4, $5, $6";
  std::vector<Value> values = {made.id,    made.dataset_id,  made.name,
                               made.title, made.inserted_at, made.updated_at};
  for (const std::string& column : Table<T>::columns()) names += ", " + column;
  for (Value& value : Table<T>::values(made)) {
    values.push_back(std::move(value));
    places += ", $" + std::to_string(values.size());
  }
  Rows rows = TRY(connection.run(std::string("INSERT INTO ") + Table<T>::kName + " (" + names +
                                     ") VALUES (" + places + ") RETURNING position",
                                 values));
  made.position = rows.at(0).integer(0);
  return {};
}

template <typename T>
Status update_settings(Connection& connection, const T& changed) {
  std::string sql = std::string("UPDATE ") + Table<T>::kName + " SET title = $2, updated_at = $3";
  std::vector<Value> values = {changed.position, changed.title, changed.updated_at};
  std::vector<Value> own = Table<T>::values(changed);
  const std::vector<std::string> columns = Table<T>::columns();
  for (size_t i = 0; i < columns.size(); ++i) {
    values.push_back(std::move(own[i]));
    sql += ", " + columns[i] + " = $" + std::to_string(values.size());
  }
  TRY(connection.run(sql + " WHERE position = $1", values));
  return {};
}

template <typename T>
Status delete_settings(Connection& connection, const T& gone) {
  if (!Table<T>::kFiledIn.empty()) TRY(connection.run(Table<T>::kFiledIn, {gone.position}));
  TRY(connection.run(std::string("DELETE FROM ") + Table<T>::kName + " WHERE position = $1",
                     {gone.position}));
  return {};
}

#define ATTUNE_SETTINGS_OF(T)                                                          \
  template Result<std::vector<T>> list_settings<T>(Connection&, const std::string&);   \
  template Result<std::optional<T>> find_settings<T>(Connection&, const std::string&); \
  template Status insert_settings<T>(Connection&, T&);                                 \
  template Status update_settings<T>(Connection&, const T&);                           \
  template Status delete_settings<T>(Connection&, const T&);
ATTUNE_SETTINGS_OF(domain::Field)
ATTUNE_SETTINGS_OF(domain::Question)
ATTUNE_SETTINGS_OF(domain::MetadataProperty)
ATTUNE_SETTINGS_OF(domain::VectorSettings)
#undef ATTUNE_SETTINGS_OF

}  // namespace attune::store
