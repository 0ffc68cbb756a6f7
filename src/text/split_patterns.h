// The patterns of the common byte-level pre-tokenizers, scanned by hand: the same cuts as the
// regular expressions named below, some twenty times faster. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace attune::text {

enum class SplitPattern {
  kGpt2,    // 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
  kLlama3,  // (?i:'s|'t|...)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|
            // \s*[\r\n]+|\s+(?!\S)|\s+
  kQwen2,   // as kLlama3 with \p{N} for \p{N}{1,3}
};

// The regular expression of a pattern.
std::string_view regex_of(SplitPattern pattern);

// The pattern whose regular expression is exactly `regex`.
std::optional<SplitPattern> find_split_pattern(std::string_view regex);

// The end of the match at text[at], at < text.size(); `text` is valid UTF-8. The patterns match
// everywhere, so that consecutive matches cover the text.
size_t match_end(SplitPattern pattern, std::string_view text, size_t at);

}  // namespace attune::text
