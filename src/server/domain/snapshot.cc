#include "server/domain/snapshot.h"

#include <algorithm>

#include "server/domain/tombstone.h"

namespace attune::domain {
namespace {

constexpr const char* kForgotten = "forgotten";

// Keys sorted, in every object.
std::string canonical(const OrderedJson& json) { return to_line(Json(Json::parse(to_line(json)))); }

void sort_by(OrderedJson& list, const char* key) {
  std::vector<std::pair<std::string, OrderedJson>> items;
  for (OrderedJson& item : list) {
    std::string text = canonical(item);
    items.emplace_back(item.value(key, "") + "\n" + text, std::move(item));
  }
  std::sort(items.begin(), items.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  list = OrderedJson::array();
  for (auto& [text, item] : items) list.push_back(std::move(item));
}

void erase_all(OrderedJson& object, std::initializer_list<const char*> keys) {
  for (const char* key : keys) object.erase(key);
}

template <typename T>
OrderedJson settings_of(const std::vector<T>& list) {
  OrderedJson all = OrderedJson::array();
  for (const T& one : list) all.push_back({{"name", one.name}, {"settings", one.settings}});
  return all;
}

}  // namespace

std::string content_hash(const OrderedJson& row) {
  OrderedJson content = row;
  erase_all(content, {"id", "inserted_at", "updated_at", "vectors"});
  for (OrderedJson& response : content["responses"]) {
    erase_all(response, {"id", "user_id", "inserted_at", "updated_at"});
  }
  const auto decided = content.find("adjudication");
  if (decided != content.end()) erase_all(*decided, {"user_id", "at"});
  sort_by(content["responses"], "annotator");
  sort_by(content["suggestions"], "question");
  return sha256_hex(canonical(content));
}

std::string settings_hash(const Schema& schema) {
  return sha256_hex(canonical({{"fields", settings_of(schema.fields)},
                               {"questions", settings_of(schema.questions)},
                               {"metadata", settings_of(schema.metadata_properties)}}));
}

void SnapshotHash::add(const std::string& hash) {
  const std::string line = hash + "\n";
  sha_.update(line.data(), line.size());
}

std::string forgotten_row(const std::string& record_id, const std::string& text) {
  return to_line(OrderedJson{{"id", record_id}, {kForgotten, sha256_hex(text)}});
}

Result<std::optional<std::string>> without_person(const std::string& text,
                                                  const std::string& user_id) {
  OrderedJson row = TRY(parse_ordered_json(text));
  bool changed = false;
  const auto responses = row.find("responses");
  if (responses == row.end()) return std::optional<std::string>();  // a tombstone already
  for (OrderedJson& response : *responses) {
    if (response.value("user_id", "") != user_id || is_tombstone(response["values"])) continue;
    response["values"] = tombstone_of(to_line(response["values"]));
    response["annotator"] = user_id;
    response["shown_order"] = nullptr;
    changed = true;
  }
  const auto decided = row.find("adjudication");
  if (decided != row.end() && decided->value("user_id", "") == user_id &&
      !is_tombstone((*decided)["values"])) {
    (*decided)["values"] = tombstone_of(to_line((*decided)["values"]));
    (*decided)["reviewer"] = user_id;
    (*decided)["note"] = nullptr;
    changed = true;
  }
  if (!changed) return std::optional<std::string>();
  return std::optional(to_line(row));
}

}  // namespace attune::domain
