#include "data/content_hash.h"

#include "base/sha256.h"

namespace attune::data {
namespace {

constexpr size_t kHashCharacters = 32;

}  // namespace

std::string content_text(const Content& content) {
  if (const auto* text = std::get_if<std::string>(&content)) return "text " + *text;
  OrderedJson turns = OrderedJson::array();
  for (const Message& turn : std::get<Messages>(content)) turns.push_back(turn.raw);
  return "messages " + to_line(turns);
}

std::string content_hash(const Content& content) {
  return sha256_hex(content_text(content)).substr(0, kHashCharacters);
}

}  // namespace attune::data
