#include "server/store/text_query.h"

#include <algorithm>

#include "server/store/text_words.h"

namespace attune::store {
namespace {

using Kind = TextNode::Kind;

int depth_of(const TextNode& node) {
  int deepest = 0;
  for (const TextNode& child : node.children) deepest = std::max(deepest, depth_of(child));
  return deepest + 1;
}

// Adds a part to a tree that reads from left to right.
void combine(std::optional<TextNode>& left, Kind kind, std::optional<TextNode> right) {
  if (!right) return;
  if (!left) {
    left = std::move(right);
  } else if (left->kind == kind && depth_of(*right) < kQueryDepthMax) {
    left->children.push_back(std::move(*right));
  } else if (std::max(depth_of(*left), depth_of(*right)) < kQueryDepthMax) {
    TextNode both{.kind = kind, .words = {}, .distance = 0, .children = {}};
    both.children.push_back(std::move(*left));
    both.children.push_back(std::move(*right));
    left = std::move(both);
  }
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  // Up to the end, or to the parenthesis that closes this group.
  std::optional<TextNode> group(int depth) {
    std::optional<TextNode> tree;
    Kind joined = Kind::kAnd;
    bool negated = false;
    while (at_ < text_.size()) {
      const char next = text_[at_];
      if (next == ')' && depth > 0) break;
      if (next == '+' || next == '|') {
        joined = next == '|' ? Kind::kOr : Kind::kAnd;
        ++at_;
      } else if (next == '-') {
        negated = !negated;
        ++at_;
      } else if (is_blank(next) || next == ')' || next == '*' || next == '~') {
        ++at_;  // an operator with nothing to work on
        if (is_blank(next)) negated = false;  // a lone dash is text
      } else {
        std::optional<TextNode> part = this->part(depth);
        if (negated && part) part = TextNode{Kind::kNot, {}, 0, {std::move(*part)}};
        combine(tree, joined, std::move(part));
        joined = Kind::kAnd;
        negated = false;
      }
    }
    return tree;
  }

 private:
  static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

  std::optional<TextNode> part(int depth) {
    if (text_[at_] == '(') {
      ++at_;
      if (depth >= kQueryDepthMax) return std::nullopt;
      std::optional<TextNode> inner = group(depth + 1);
      if (at_ < text_.size()) ++at_;
      return inner;
    }
    if (text_[at_] == '"') return phrase();
    return word();
  }

  // An open quote reaches to the end.
  std::optional<TextNode> phrase() {
    std::string inside;
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      inside += text_[at_];
    }
    if (at_ < text_.size()) ++at_;
    std::optional<TextNode> node = leaf(inside);
    const std::optional<int> distance = take_distance();
    if (node && distance && *distance > 0 && node->words.size() > 1) {
      node->kind = Kind::kNear;
      node->distance = std::min(*distance, kNearMax);
    }
    return node;
  }

  std::optional<TextNode> word() {
    std::string inside;
    for (; at_ < text_.size(); ++at_) {
      char next = text_[at_];
      if (is_blank(next) || kOperators.find(next) != std::string_view::npos) break;
      if (next == '\\' && at_ + 1 < text_.size()) next = text_[++at_];
      inside += next;
    }
    std::optional<TextNode> node = leaf(inside);
    if (at_ < text_.size() && text_[at_] == '*') {
      ++at_;
      if (node) node->kind = Kind::kPrefix;
      return node;
    }
    if (at_ >= text_.size() || text_[at_] != '~') return node;
    const int distance = std::min(take_distance().value_or(kEditsMax), kEditsMax);
    if (node && distance > 0 && node->words.size() == 1) {
      node->kind = Kind::kFuzzy;
      node->distance = distance;
    }
    return node;
  }

  std::optional<TextNode> leaf(const std::string& inside) {
    TextNode node;
    node.words = words_of(inside);
    if (node.words.empty() || words_ + node.words.size() > kQueryWordsMax) return std::nullopt;
    words_ += node.words.size();
    return node;
  }

  // The number behind a tilde; nothing where there is no tilde or no number.
  std::optional<int> take_distance() {
    if (at_ >= text_.size() || text_[at_] != '~') return std::nullopt;
    ++at_;
    std::optional<int> distance;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
      distance = std::min(distance.value_or(0) * 10 + (text_[at_] - '0'), 1000);
    }
    return distance;
  }

  static constexpr std::string_view kOperators = "+|\"()*~";

  std::string_view text_;
  size_t at_ = 0;
  size_t words_ = 0;
};

}  // namespace

std::optional<TextNode> parse_text_query(std::string_view text) { return Parser(text).group(0); }

}  // namespace attune::store
