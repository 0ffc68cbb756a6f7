#include "text/added_tokens.h"

#include <algorithm>

#include "text/unicode.h"
#include "text/vocabulary.h"

namespace attune::text {
namespace {

Result<AddedToken> parse_added_token(const Json& entry) {
  AddedToken token;
  int64_t id = TRY(get_int(entry, "id"));
  if (id < 0 || id >= Vocabulary::kIdEnd) {
    return invalid_input("id {} is outside of 0..{}", id, Vocabulary::kIdEnd - 1);
  }
  token.id = static_cast<int32_t>(id);
  token.content = TRY(get_string(entry, "content"));
  TRY(Vocabulary::check_length(token.content));
  token.single_word = TRY(get_bool_or(entry, "single_word", false));
  token.lstrip = TRY(get_bool_or(entry, "lstrip", false));
  token.rstrip = TRY(get_bool_or(entry, "rstrip", false));
  token.special = TRY(get_bool_or(entry, "special", false));
  token.normalized = TRY(get_bool_or(entry, "normalized", !token.special));
  return token;
}

bool is_word_before(std::string_view text, size_t at) {
  if (at == 0) return false;
  return (class_at(char_classes(), text, previous_char(text, at)) & kWord) != 0;
}

bool is_word_after(std::string_view text, size_t at) {
  return at < text.size() && (class_at(char_classes(), text, at) & kWord) != 0;
}

uint32_t before_spaces(std::string_view text, uint32_t at) {
  while (at > 0) {
    size_t previous = previous_char(text, at);
    if ((class_at(char_classes(), text, previous) & kSpace) == 0) break;
    at = static_cast<uint32_t>(previous);
  }
  return at;
}

uint32_t after_spaces(std::string_view text, uint32_t at) {
  while (at < text.size() && (class_at(char_classes(), text, at) & kSpace) != 0) {
    at += decode_char(text, at).length;
  }
  return at;
}

}  // namespace

Result<std::vector<AddedToken>> parse_added_tokens(const Json& tokenizer_json) {
  std::vector<AddedToken> tokens;
  const Json* section = find(tokenizer_json, "added_tokens");
  if (section == nullptr) return tokens;
  if (!section->is_array()) return invalid_input("added_tokens: must be a list");
  for (size_t i = 0; i < section->size(); ++i) {
    auto token = parse_added_token((*section)[i]);
    if (!token.ok()) return token.error().with_context(fmt::format("added_tokens[{}]", i));
    tokens.push_back(std::move(*token));
  }
  return tokens;
}

Json to_json(const std::vector<AddedToken>& tokens) {
  std::vector<AddedToken> sorted = tokens;
  std::sort(sorted.begin(), sorted.end(),
            [](const AddedToken& a, const AddedToken& b) { return a.id < b.id; });
  Json section = Json::array();
  for (const AddedToken& token : sorted) {
    section.push_back({{"id", token.id},
                       {"content", token.content},
                       {"single_word", token.single_word},
                       {"lstrip", token.lstrip},
                       {"rstrip", token.rstrip},
                       {"normalized", token.normalized},
                       {"special", token.special}});
  }
  return section;
}

int32_t AddedTokenMatcher::child(int32_t node, uint8_t byte) const {
  int32_t at = nodes_[static_cast<size_t>(node)].child;
  while (at >= 0 && nodes_[static_cast<size_t>(at)].byte != byte) {
    at = nodes_[static_cast<size_t>(at)].sibling;
  }
  return at;
}

void AddedTokenMatcher::add(const AddedToken& token, std::string_view pattern) {
  if (pattern.empty()) return;
  int32_t node = 0;
  for (char c : pattern) {
    auto byte = static_cast<uint8_t>(c);
    int32_t next = child(node, byte);
    if (next < 0) {
      next = static_cast<int32_t>(nodes_.size());
      nodes_.push_back({-1, nodes_[static_cast<size_t>(node)].child, -1, byte});
      nodes_[static_cast<size_t>(node)].child = next;
    }
    node = next;
  }
  starts_[static_cast<uint8_t>(pattern[0])] = true;
  if (nodes_[static_cast<size_t>(node)].token >= 0) return;  // the first of equal patterns counts
  nodes_[static_cast<size_t>(node)].token = static_cast<int32_t>(tokens_.size());
  tokens_.push_back(token);
}

std::optional<AddedTokenMatcher::Match> AddedTokenMatcher::longest_at(std::string_view text,
                                                                      uint32_t at) const {
  std::optional<Match> longest;
  int32_t node = 0;
  for (uint32_t end = at; end < text.size();) {
    node = child(node, static_cast<uint8_t>(text[end]));
    if (node < 0) break;
    ++end;
    int32_t token = nodes_[static_cast<size_t>(node)].token;
    if (token >= 0) longest = Match{token, end};
  }
  return longest;
}

void AddedTokenMatcher::split(std::string_view text, bool special, std::vector<Part>& out) const {
  auto size = static_cast<uint32_t>(text.size());
  uint32_t done = 0;  // everything before is in `out`
  for (uint32_t at = 0; at < size;) {
    if (!starts_[static_cast<uint8_t>(text[at])]) {
      ++at;
      continue;
    }
    auto match = longest_at(text, at);
    if (!match) {
      ++at;
      continue;
    }
    const AddedToken& token = tokens_[static_cast<size_t>(match->token)];
    uint32_t begin = at;
    uint32_t end = match->end;
    at = end;  // a match that is refused below is passed over whole, as in the reference
    if (token.special && !special) continue;
    if (token.single_word && (is_word_before(text, begin) || is_word_after(text, end))) continue;
    if (begin < done) continue;  // an rstrip before it took these spaces
    if (token.lstrip) begin = std::max(before_spaces(text, begin), done);
    if (token.rstrip) end = after_spaces(text, end);
    if (done < begin) out.push_back({{done, begin}, std::nullopt});
    out.push_back({{begin, end}, token.id});
    done = end;
    at = std::max(at, end);
  }
  if (done < size) out.push_back({{done, size}, std::nullopt});
}

}  // namespace attune::text
