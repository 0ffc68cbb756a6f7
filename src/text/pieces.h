// A text on its way through normaliser and pre-tokenizer: its current form, where each byte of it
// came from, and the pieces it is cut into. Not thread-safe; one per encode call.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace attune::text {

// Bytes [begin, end).
struct Span {
  uint32_t begin = 0;
  uint32_t end = 0;
  bool operator==(const Span&) const = default;
};

// A text and, when tracked, the span of the source that each of its bytes came from. Starts as a
// view of the source (which must outlive it) and owns its bytes once rewritten.
class AlignedText {
 public:
  // `base` is where `source` starts in the whole text, or in the text `outer` (which must outlive
  // this one) that it is a part of.
  AlignedText(std::string_view source, uint32_t base, bool track,
              const AlignedText* outer = nullptr)
      : view_(source), base_(base), outer_(outer), track_(track) {}
  AlignedText(const AlignedText&) = delete;
  AlignedText& operator=(const AlignedText&) = delete;

  std::string_view text() const { return view_; }
  uint32_t base() const { return base_; }

  // Where bytes [begin, end) of the current text came from in the whole text. Right for a rewritten
  // text only when tracked.
  Span source(Span span) const;

 private:
  friend class Rewrite;
  std::string_view view_;
  std::string owned_;
  std::vector<Span> origin_;  // per byte, in the whole text; empty while the text is as given
  bool rewritten_ = false;
  uint32_t base_;
  const AlignedText* outer_;
  bool track_;
};

// Writes a new form of a text from left to right out of copied and replaced parts of the old one.
// What would pass 2 GiB is left out, so that positions fit into a Span.
class Rewrite {
 public:
  static constexpr size_t kBytesMax = size_t{1} << 31;

  explicit Rewrite(AlignedText& text) : text_(text) { out_.reserve(text.text().size() + 16); }

  uint32_t size() const { return static_cast<uint32_t>(out_.size()); }
  void copy(uint32_t begin, uint32_t end);
  // `with` stands for bytes [begin, end) of the old text; begin == end inserts.
  void replace(uint32_t begin, uint32_t end, std::string_view with);
  // Makes the new form the text's current one.
  void finish();

 private:
  AlignedText& text_;
  bool fits(size_t bytes);

  std::string out_;
  std::vector<Span> origin_;
  bool full_ = false;
};

struct PieceList {
  AlignedText text;
  std::vector<Span> pieces;  // in order, not overlapping, none empty
};

}  // namespace attune::text
