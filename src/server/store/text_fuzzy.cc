#include <algorithm>
#include <map>
#include <numeric>

#include "server/store/text_match.h"

namespace attune::store {
namespace {

std::u32string code_points(std::string_view text) {
  std::u32string points;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0) != 0x80) {
      const int mask = byte < 0x80 ? 0x7F : byte < 0xE0 ? 0x1F : byte < 0xF0 ? 0x0F : 0x07;
      points += static_cast<char32_t>(byte & mask);
    } else if (!points.empty()) {
      points.back() = points.back() << 6 | (byte & 0x3F);
    }
  }
  return points;
}

std::string first_letter(const std::string& word) {
  size_t end = 1;
  while (end < word.size() && (static_cast<unsigned char>(word[end]) & 0xC0) == 0x80) ++end;
  return word.substr(0, end);
}

// A word and in how many records it stands.
using Take = std::function<Status(const Row&)>;

Status each_word(Connection& connection, int64_t dataset, const std::string& first,
                 const Take& take) {
  if (connection.dialect() == Dialect::kSqlite) {
    // The end of the range: no word holds this byte.
    return connection.each(
        "SELECT term, doc FROM record_words WHERE term >= $1 AND term < $2",
        {first, first + "\xFF"}, take);
  }
  return connection.each(
      fmt::format("SELECT word, ndoc FROM ts_stat('SELECT words FROM record_text WHERE dataset = "
                  "{}') WHERE starts_with(word, $1)",
                  dataset),
      {first}, take);
}

Result<TextNode> meant_words(Connection& connection, int64_t dataset, const TextNode& fuzzy) {
  const std::string& wanted = fuzzy.words[0];
  std::vector<std::pair<int64_t, std::string>> found;  // often first
  TRY(each_word(connection, dataset, first_letter(wanted), [&](const Row& row) -> Status {
    if (edit_distance(row.text(0), wanted, fuzzy.distance) <= fuzzy.distance) {
      found.emplace_back(-row.integer(1), row.text(0));
    }
    return {};
  }));
  std::sort(found.begin(), found.end());
  found.resize(std::min(found.size(), kFuzzyWordsMax));
  TextNode any{.kind = TextNode::Kind::kOr, .words = {}, .distance = 0, .children = {}};
  any.children.push_back({TextNode::Kind::kPhrase, {wanted}, 0, {}});
  for (const auto& [records, word] : found) {
    if (word != wanted) any.children.push_back({TextNode::Kind::kPhrase, {word}, 0, {}});
  }
  if (any.children.size() == 1) return std::move(any.children[0]);
  return any;
}

}  // namespace

int edit_distance(std::string_view a, std::string_view b, int limit) {
  const std::u32string from = code_points(a), to = code_points(b);
  const auto beyond = limit + 1;
  if (std::max(from.size(), to.size()) - std::min(from.size(), to.size()) >
      static_cast<size_t>(limit)) {
    return beyond;
  }
  std::vector<int> before(to.size() + 1), last(to.size() + 1), now(to.size() + 1);
  std::iota(last.begin(), last.end(), 0);
  for (size_t i = 1; i <= from.size(); ++i) {
    now[0] = static_cast<int>(i);
    for (size_t j = 1; j <= to.size(); ++j) {
      const int changed = last[j - 1] + (from[i - 1] == to[j - 1] ? 0 : 1);
      now[j] = std::min({last[j] + 1, now[j - 1] + 1, changed});
      if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1]) {
        now[j] = std::min(now[j], before[j - 2] + 1);
      }
    }
    std::swap(before, last);
    std::swap(last, now);
  }
  return std::min(last[to.size()], beyond);
}

Result<TextNode> with_fuzzy_words(Connection& connection, int64_t dataset, TextNode tree) {
  if (tree.kind == TextNode::Kind::kFuzzy) return meant_words(connection, dataset, tree);
  for (TextNode& child : tree.children) {
    child = TRY(with_fuzzy_words(connection, dataset, std::move(child)));
  }
  return tree;
}

}  // namespace attune::store
