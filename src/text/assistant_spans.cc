#include "text/assistant_spans.h"

#include <algorithm>

namespace attune::text {
namespace {

constexpr std::string_view kSpace = " \t\r\n\f\v";

std::string_view trimmed(std::string_view text) {
  size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::string content_of(const OrderedJson& message) {
  auto content = message.find("content");
  return content != message.end() && content->is_string() ? content->get<std::string>() : "";
}

size_t common_prefix(std::string_view a, std::string_view b) {
  size_t size = std::min(a.size(), b.size());
  size_t same = static_cast<size_t>(
      std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(size), b.begin()).first -
      a.begin());
  while (same > 0 && same < b.size() && (static_cast<unsigned char>(b[same]) & 0xC0) == 0x80)
    --same;
  return same;
}

struct Turn {
  std::string before;    // rendering of the messages before the turn
  std::string prompted;  // the same with a generation prompt
  std::string after;     // rendering up to the turn
  std::string content;
};

// Where the assistant's text begins. A prompt that the template does not repeat in the finished
// turn (an empty reasoning block, say) counts as far as both agree, but never into the content.
size_t span_begin(const Turn& turn) {
  std::string_view content = trimmed(turn.content);
  size_t at = content.empty() ? std::string::npos : turn.after.find(content, turn.before.size());
  if (turn.prompted == turn.before && at != std::string::npos) {
    // The template knows no generation prompt: a visible heading before the answer is not part of
    // it.
    std::string_view heading = std::string_view(turn.after).substr(
        turn.before.size(), at - turn.before.size());
    return trimmed(heading).empty() ? turn.before.size() : at;
  }
  size_t begin = common_prefix(turn.prompted, turn.after);
  return begin == turn.prompted.size() ? begin : std::min(begin, at);
}

// Where it ends: behind the end-of-turn token. White space behind that token is the template's.
size_t span_end(const Turn& turn, size_t begin, std::string_view eos_token) {
  std::string_view span = std::string_view(turn.after).substr(begin);
  std::string_view content = trimmed(turn.content);
  size_t at = content.empty() ? std::string_view::npos : span.rfind(content);
  std::string_view tail = at == std::string_view::npos ? span : span.substr(at + content.size());
  size_t eos = eos_token.empty() ? std::string_view::npos : tail.rfind(eos_token);
  if (eos != std::string_view::npos && trimmed(tail.substr(eos + eos_token.size())).empty()) {
    return turn.after.size() - tail.size() + eos + eos_token.size();
  }
  if (trimmed(tail).empty()) return turn.after.size();  // only white space ends the turn
  size_t last = span.find_last_not_of(kSpace);
  return begin + last + 1;
}

Error rewritten(size_t index, const char* what) {
  return invalid_input(
      "message {} (assistant): {}, so its tokens cannot be told from the text; use a "
      "chat template with {{% generation %}} marks, or split the conversation so "
      "that the trained answer is its last message",
      index, what);
}

}  // namespace

Result<std::vector<std::pair<size_t, size_t>>> find_assistant_spans(const OrderedJson& messages,
                                                                    std::string_view text,
                                                                    std::string_view eos_token,
                                                                    const RenderPrefix& render) {
  std::vector<std::pair<size_t, size_t>> spans;
  for (size_t i = 0; i < messages.size(); ++i) {
    auto role = messages[i].find("role");
    if (role == messages[i].end() || *role != "assistant") continue;
    auto part = [&](size_t count, bool prompt) -> Result<std::string> {
      auto made = render(count, prompt);
      if (made.ok()) return made;
      return made.error().with_context(
          fmt::format("message {} (assistant), rendering {} messages to find its part", i, count));
    };
    Turn turn{.before = TRY(part(i, false)),
              .prompted = TRY(part(i, true)),
              .after = i + 1 == messages.size() ? std::string(text) : TRY(part(i + 1, false)),
              .content = content_of(messages[i])};
    if (!text.starts_with(turn.after)) {
      return rewritten(i, "the template writes this turn differently once later messages follow");
    }
    if (!turn.after.starts_with(turn.before)) {
      return rewritten(i, "the template rewrites the turns before this one");
    }
    size_t begin = span_begin(turn);
    size_t end = std::max(span_end(turn, begin, eos_token), begin);
    if (begin < end) spans.emplace_back(begin, end);
  }
  return spans;
}

}  // namespace attune::text
