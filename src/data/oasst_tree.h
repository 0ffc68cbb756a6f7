// Open Assistant's messages as trees, whatever layout they came in (oasst-data, Köpf et al. 2023):
// a tree (nested replies), a thread, a message with nested replies, or the published set's flat
// rows with parent_id.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace attune::data {

struct OasstLabel {
  std::string name;
  double value = 0;
};

struct OasstMessage {
  std::string id;
  std::string parent;  // "" at a root
  std::string text;
  std::string role;  // "user" or "assistant"
  std::string lang;
  std::string tree;
  std::string model;        // of a synthetic message, else ""
  std::optional<int> rank;  // 0 is the best of its siblings
  bool usable = true;       // neither deleted nor rejected in review
  std::vector<OasstLabel> labels;
  int64_t row = 0;               // of the file
  std::vector<int64_t> replies;  // indices of messages, in the file's order
};

// Messages of a whole file. Not thread-safe.
class OasstTrees {
 public:
  // Adds what one row holds: every message in it, or none. Errors name the field. Returns how many
  // messages were there before already (threads repeat their beginnings); those are not added.
  Result<int64_t> add_row(const OrderedJson& row, int64_t number);

  // Links replies to parents. Call once, after the last row.
  void link();

  const std::vector<OasstMessage>& messages() const { return messages_; }
  // Messages that can be reached from a root, depth first, roots and replies in the file's order.
  // What is not among them has an ancestor that the file lacks, or is its own ancestor.
  std::vector<int64_t> in_order() const;
  // From the root down to the message itself.
  std::vector<int64_t> path(int64_t message) const;

 private:
  Status collect(const OrderedJson& value, const std::string& parent, const std::string& tree,
                 int64_t number, std::vector<OasstMessage>& found) const;

  std::vector<OasstMessage> messages_;
  std::unordered_map<std::string, int64_t> index_;
};

}  // namespace attune::data
