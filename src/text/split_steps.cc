#include "text/split_steps.h"

#include <algorithm>

#include "text/unicode.h"

namespace attune::text {
namespace {

struct Part {
  Span span;
  bool delimiter;
};

// A piece as delimiters and what lies between them; spans relative to the whole text.
void parts_of(Span piece, const std::vector<Span>& matches, bool invert, std::vector<Part>& parts) {
  parts.clear();
  uint32_t at = 0;
  auto push = [&](uint32_t begin, uint32_t end, bool delimiter) {
    if (begin < end) parts.push_back({{piece.begin + begin, piece.begin + end},
                                      delimiter != invert});
  };
  for (Span match : matches) {
    push(at, match.begin, false);
    push(match.begin, match.end, true);
    at = match.end;
  }
  push(at, piece.end - piece.begin, false);
}

void append_merged_with_next(const std::vector<Part>& parts, std::vector<Span>& out) {
  size_t before = out.size();
  bool next_is_delimiter = false;
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    if (part->delimiter && !next_is_delimiter && out.size() > before) {
      out.back().begin = part->span.begin;
    } else {
      out.push_back(part->span);
    }
    next_is_delimiter = part->delimiter;
  }
  std::reverse(out.begin() + static_cast<std::ptrdiff_t>(before), out.end());
}

void append_parts(const std::vector<Part>& parts, Delimiter behavior, std::vector<Span>& out) {
  if (behavior == Delimiter::kMergedWithNext) return append_merged_with_next(parts, out);
  std::optional<bool> previous;
  for (const Part& part : parts) {
    switch (behavior) {
      case Delimiter::kRemoved:
        if (!part.delimiter) out.push_back(part.span);
        break;
      case Delimiter::kMergedWithPrevious:
        if (part.delimiter && previous == false) {
          out.back().end = part.span.end;
        } else {
          out.push_back(part.span);
        }
        break;
      case Delimiter::kContiguous:
        if (previous == part.delimiter) {
          out.back().end = part.span.end;
        } else {
          out.push_back(part.span);
        }
        break;
      default:
        out.push_back(part.span);
    }
    previous = part.delimiter;
  }
}

void find_literal(std::string_view text, std::string_view literal, std::vector<Span>& out) {
  for (size_t at = text.find(literal); at != std::string_view::npos;
       at = text.find(literal, at + literal.size())) {
    out.push_back({static_cast<uint32_t>(at), static_cast<uint32_t>(at + literal.size())});
  }
}

void find_pattern(SplitPattern pattern, std::string_view text, std::vector<Span>& out) {
  for (size_t at = 0; at < text.size();) {
    size_t end = match_end(pattern, text, at);
    out.push_back({static_cast<uint32_t>(at), static_cast<uint32_t>(end)});
    at = end;
  }
}

}  // namespace

void cut_pieces(PieceList& list, Delimiter behavior, bool invert,
                const std::function<void(std::string_view, std::vector<Span>&)>& find) {
  std::vector<Span> cut;
  std::vector<Span> matches;
  std::vector<Part> parts;
  cut.reserve(list.pieces.size());
  for (Span piece : list.pieces) {
    matches.clear();
    find(list.text.text().substr(piece.begin, piece.end - piece.begin), matches);
    parts_of(piece, matches, invert, parts);
    append_parts(parts, behavior, cut);
  }
  list.pieces = std::move(cut);
}

void cut_pieces(PieceList& list, SplitPattern pattern) {
  std::vector<Span> cut;
  cut.reserve(list.text.text().size() / 4 + list.pieces.size());
  for (Span piece : list.pieces) {
    std::string_view text = list.text.text().substr(0, piece.end);
    for (uint32_t at = piece.begin; at < piece.end;) {
      auto end = static_cast<uint32_t>(match_end(pattern, text, at));
      cut.push_back({at, end});
      at = end;
    }
  }
  list.pieces = std::move(cut);
}

void SplitStep::apply(PieceList& list) const {
  if (const auto* pattern = std::get_if<SplitPattern>(&pattern_)) {
    if (behavior_ == Delimiter::kIsolated) return cut_pieces(list, *pattern);
    cut_pieces(list, behavior_, invert_, [&](std::string_view text, std::vector<Span>& out) {
      find_pattern(*pattern, text, out);
    });
  } else if (const auto* regex = std::get_if<Regex>(&pattern_)) {
    cut_pieces(list, behavior_, invert_, [&](std::string_view text, std::vector<Span>& out) {
      regex->find_all(text, out);
    });
  } else {
    cut_pieces(list, behavior_, invert_, [&](std::string_view text, std::vector<Span>& out) {
      find_literal(text, std::get<std::string>(pattern_), out);
    });
  }
}

void ClassStep::apply(PieceList& list) const {
  const uint8_t* table = char_classes();
  cut_pieces(list, behavior_, false, [&](std::string_view text, std::vector<Span>& out) {
    for (uint32_t at = 0; at < text.size();) {
      DecodedChar c = decode_char(text, at);
      if ((table[c.code_point] & classes_) != 0) out.push_back({at, at + c.length});
      at += c.length;
    }
  });
}

void WhitespaceStep::apply(PieceList& list) const {
  const uint8_t* table = char_classes();
  auto kind = [&](uint32_t code_point) {
    uint8_t classes = table[code_point];
    return (classes & kWord) != 0 ? 1 : (classes & kSpace) != 0 ? 0 : 2;
  };
  cut_pieces(list, Delimiter::kRemoved, true, [&](std::string_view text, std::vector<Span>& out) {
    int previous = 0;
    for (uint32_t at = 0; at < text.size();) {
      DecodedChar c = decode_char(text, at);
      int now = kind(c.code_point);
      if (now != 0 && now == previous) {
        out.back().end = at + c.length;
      } else if (now != 0) {
        out.push_back({at, at + c.length});
      }
      previous = now;
      at += c.length;
    }
  });
}

}  // namespace attune::text
