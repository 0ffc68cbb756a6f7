#include "data/oasst_tree.h"

#include <algorithm>

#include "data/import_columns.h"

namespace attune::data {
namespace {

Result<bool> flag(const OrderedJson& value, const char* name, bool fallback) {
  const OrderedJson* found = find_column(value, name);
  if (found == nullptr) return fallback;
  if (!found->is_boolean()) {
    return invalid_input("\"{}\" must be true or false, found {}", name, found->type_name());
  }
  return found->get<bool>();
}

Result<std::string> role(const OrderedJson& value) {
  const std::string name = TRY(text_column(value, "role"));
  if (name == "prompter") return std::string("user");
  if (name == "assistant") return name;
  return invalid_input("\"role\" must be prompter or assistant, found \"{}\"", name.substr(0, 40));
}

// {"quality": {"value": 0.5, "count": 3}} of exports, {"name": [...], "value": [...]} of the
// published set.
Result<std::vector<OasstLabel>> labels(const OrderedJson& value) {
  std::vector<OasstLabel> result;
  const OrderedJson* found = find_column(value, "labels");
  if (found == nullptr) return result;
  if (!found->is_object()) return invalid_input("\"labels\" must be an object");
  const OrderedJson* names = find_column(*found, "name");
  if (names != nullptr && names->is_array()) {
    const OrderedJson& values = *TRY(list_column(*found, "value"));
    if (values.size() != names->size()) {
      return invalid_input("\"labels\" has {} names and {} values", names->size(), values.size());
    }
    for (size_t i = 0; i < values.size(); ++i) {
      if (!(*names)[i].is_string() || !values[i].is_number()) {
        return invalid_input("\"labels\"[{}] must be a name with a number", i);
      }
      result.push_back({(*names)[i].get<std::string>(), values[i].get<double>()});
    }
    return result;
  }
  for (const auto& [name, label] : found->items()) {
    const OrderedJson* number = find_column(label, "value");
    if (number == nullptr || !number->is_number()) {
      return invalid_input("\"labels.{}\" must hold a number in \"value\"", name);
    }
    result.push_back({name, number->get<double>()});
  }
  return result;
}

Result<OasstMessage> read_message(const OrderedJson& value) {
  OasstMessage message;
  message.id = TRY(text_column(value, "message_id"));
  if (message.id.empty()) return invalid_input("\"message_id\" is empty");
  message.parent = TRY(optional_text_column(value, "parent_id"));
  message.text = TRY(text_column(value, "text"));
  message.role = TRY(role(value));
  message.lang = TRY(optional_text_column(value, "lang"));
  message.tree = TRY(optional_text_column(value, "message_tree_id"));
  message.rank = TRY(optional_count_column(value, "rank"));
  const bool is_synthetic = TRY(flag(value, "synthetic", false));
  if (is_synthetic) message.model = TRY(optional_text_column(value, "model_name"));
  if (is_synthetic && message.model.empty()) message.model = "a model";
  const bool deleted = TRY(flag(value, "deleted", false));
  message.usable = !deleted && TRY(flag(value, "review_result", true));
  message.labels = TRY(labels(value));
  return message;
}

}  // namespace

Status OasstTrees::collect(const OrderedJson& value, const std::string& parent,
                           const std::string& tree, int64_t number,
                           std::vector<OasstMessage>& found) const {
  if (!value.is_object()) return invalid_input("a message must be an object");
  OasstMessage message = TRY(read_message(value));
  if (message.parent.empty()) message.parent = parent;
  if (message.tree.empty()) message.tree = tree.empty() ? message.id : tree;
  message.row = number;
  const std::string id = message.id;
  const std::string own_tree = message.tree;
  found.push_back(std::move(message));
  const OrderedJson* replies = find_column(value, "replies");
  if (replies == nullptr) return {};
  if (!replies->is_array()) return invalid_input("\"replies\" must be a list");
  for (const OrderedJson& reply : *replies) TRY(collect(reply, id, own_tree, number, found));
  return {};
}

Result<int64_t> OasstTrees::add_row(const OrderedJson& row, int64_t number) {
  std::vector<OasstMessage> found;
  const OrderedJson* root = find_column(row, "prompt");
  const std::string tree = TRY(optional_text_column(row, "message_tree_id"));
  if (find_column(row, "thread_id") != nullptr) {
    std::string parent;
    for (const OrderedJson& message : *TRY(list_column(row, "thread"))) {
      TRY(collect(message, parent, found.empty() ? tree : found[0].tree, number, found));
      parent = found.back().id;
    }
  } else if (root != nullptr) {
    TRY(collect(*root, "", tree, number, found));
  } else {
    TRY(collect(row, "", tree, number, found));
  }
  int64_t known = 0;
  for (OasstMessage& message : found) {
    const auto next = static_cast<int64_t>(messages_.size());
    if (!index_.emplace(message.id, next).second) {
      ++known;
    } else {
      messages_.push_back(std::move(message));
    }
  }
  return known;
}

void OasstTrees::link() {
  for (size_t i = 0; i < messages_.size(); ++i) {
    const auto parent = index_.find(messages_[i].parent);
    if (parent == index_.end()) continue;
    messages_[static_cast<size_t>(parent->second)].replies.push_back(static_cast<int64_t>(i));
  }
}

std::vector<int64_t> OasstTrees::in_order() const {
  std::vector<int64_t> order;
  std::vector<int64_t> open;  // the next one last
  for (size_t root = messages_.size(); root-- > 0;) {
    if (messages_[root].parent.empty()) open.push_back(static_cast<int64_t>(root));
  }
  while (!open.empty()) {
    const int64_t at = open.back();
    open.pop_back();
    order.push_back(at);
    const std::vector<int64_t>& replies = messages_[static_cast<size_t>(at)].replies;
    open.insert(open.end(), replies.rbegin(), replies.rend());
  }
  return order;
}

std::vector<int64_t> OasstTrees::path(int64_t message) const {
  std::vector<int64_t> path = {message};
  for (auto at = static_cast<size_t>(message); !messages_[at].parent.empty();) {
    at = static_cast<size_t>(index_.at(messages_[at].parent));
    path.push_back(static_cast<int64_t>(at));
  }
  std::reverse(path.begin(), path.end());
  return path;
}

}  // namespace attune::data
