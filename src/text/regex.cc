#include "text/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>

namespace attune::text {
namespace {

constexpr uint32_t kMatchStepsMax = 10'000'000;
constexpr uint32_t kHeapKibMax = 64 * 1024;
constexpr size_t kPatternBytesMax = 1 << 16;

// Members of classes, to stand between [ and ].
constexpr std::string_view kSpaceMembers =
    R"(\x{9}-\x{D}\x{20}\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F})"
    R"(\x{205F}\x{3000})";
constexpr std::string_view kWordMembers = R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc})";
constexpr std::string_view kHexMembers = "0-9A-Fa-f";

std::string_view members_of(char letter) {
  switch (letter) {
    case 's': case 'S': return kSpaceMembers;
    case 'w': case 'W': return kWordMembers;
    case 'h': case 'H': return kHexMembers;
    default: return {};
  }
}

Result<std::string> adapt(const std::string& pattern) {
  std::string out;
  int depth = 0;  // of nested character classes
  for (size_t i = 0; i < pattern.size(); ++i) {
    char c = pattern[i];
    if (c == '\\' && i + 1 < pattern.size()) {
      char letter = pattern[++i];
      std::string_view members = members_of(letter);
      bool negated = letter >= 'A' && letter <= 'Z';
      if (members.empty()) {
        out.append({c, letter});
      } else if (depth == 0) {
        out.append(negated ? "[^" : "[").append(members).append("]");
      } else if (!negated) {
        out.append(members);
      } else if (letter == 'W') {
        return unsupported("the pattern uses \\W in a character class");
      } else {
        out.append({c, letter});  // PCRE2's own; it differs for U+0085 and U+180E only
      }
      continue;
    }
    if (depth > 0 && pattern.compare(i, 2, "&&") == 0) {
      return unsupported("the pattern uses an intersection of character classes (&&)");
    }
    if (c == '[') {
      bool posix = depth > 0 && i + 1 < pattern.size() && pattern[i + 1] == ':';
      if (depth > 0 && !posix) {
        return unsupported("the pattern nests a character class in another");
      }
      if (posix) {
        size_t end = pattern.find(":]", i);
        if (end == std::string::npos) return invalid_input("the pattern ends within [:...:]");
        out.append(pattern, i, end + 2 - i);
        i = end + 1;
        continue;
      }
      ++depth;
      out.push_back(c);
      if (i + 1 < pattern.size() && pattern[i + 1] == '^') out.push_back(pattern[++i]);
      if (i + 1 < pattern.size() && pattern[i + 1] == ']') out.append("\\]"), ++i;
      continue;
    }
    if (c == ']' && depth > 0) --depth;
    out.push_back(c);
  }
  return out;
}

}  // namespace

Result<Regex> Regex::compile(const std::string& pattern) {
  if (pattern.size() > kPatternBytesMax) {
    return invalid_input("the pattern has {} bytes; {} are allowed", pattern.size(),
                         kPatternBytesMax);
  }
  std::string adapted = TRY(adapt(pattern));
  int code = 0;
  PCRE2_SIZE at = 0;
  pcre2_code* compiled = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(adapted.data()), adapted.size(),
                                       PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &code, &at,
                                       nullptr);
  if (compiled == nullptr) {
    char message[256] = {};
    pcre2_get_error_message(code, reinterpret_cast<PCRE2_UCHAR*>(message), sizeof(message));
    return invalid_input("the pattern {:?} is no regular expression: {} at byte {}", pattern,
                         message, at);
  }
  pcre2_jit_compile(compiled, PCRE2_JIT_COMPLETE);  // without it matching is slower, not wrong
  std::shared_ptr<const void> owned(compiled, [](const void* code_to_free) {
    pcre2_code_free(static_cast<pcre2_code*>(const_cast<void*>(code_to_free)));
  });
  return Regex(pattern, std::move(owned));
}

void Regex::find_all(std::string_view text, std::vector<Span>& out) const {
  const auto* code = static_cast<const pcre2_code*>(code_.get());
  std::unique_ptr<pcre2_match_data, void (*)(pcre2_match_data*)> data(
      pcre2_match_data_create_from_pattern(code, nullptr), pcre2_match_data_free);
  std::unique_ptr<pcre2_match_context, void (*)(pcre2_match_context*)> context(
      pcre2_match_context_create(nullptr), pcre2_match_context_free);
  pcre2_set_match_limit(context.get(), kMatchStepsMax);
  pcre2_set_heap_limit(context.get(), kHeapKibMax);
  size_t at = 0;
  while (at < text.size()) {
    auto match = [&](uint32_t options) {
      return pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), at,
                         PCRE2_NO_UTF_CHECK | options, data.get(), context.get());
    };
    int count = match(0);
    // Compiled code has a stack of 32 KiB; the interpreter's is the heap.
    if (count == PCRE2_ERROR_JIT_STACKLIMIT) count = match(PCRE2_NO_JIT);
    if (count < 0) break;  // no match, or one beyond the limits
    const PCRE2_SIZE* bounds = pcre2_get_ovector_pointer(data.get());
    if (bounds[1] > bounds[0] && bounds[0] >= at) {
      out.push_back({static_cast<uint32_t>(bounds[0]), static_cast<uint32_t>(bounds[1])});
      at = bounds[1];
      continue;
    }
    at = std::max<size_t>(at, bounds[1]) + 1;
    while (at < text.size() && (static_cast<uint8_t>(text[at]) & 0xC0) == 0x80) ++at;
  }
}

}  // namespace attune::text
