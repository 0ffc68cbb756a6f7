// How the tokens of one pass belong together: a forest of segments, back to back, without padding.
//
// A segment either starts a sequence (a root) or continues a parent segment. A segment's tokens
// attend to all tokens of its ancestors and causally to themselves, and its positions continue the
// parent's, so that a prompt with K completions is computed once, exactly as K separate sequences
// would (design §4; arXiv 2410.20305 for pairs). SFT packs many roots.
//
//   PackedLayout layout;
//   int64_t prompt = layout.add_root(20);          // tokens 0..19, positions 0..19
//   int64_t chosen = layout.add_child(prompt, 7);  // tokens 20..26, positions 20..26
//   layout.add_child(prompt, 5);                   // tokens 27..31, positions 20..24
//
// Not thread-safe while it is being built; immutable use is thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace attune::engine::ops {

struct Segment {
  int64_t begin = 0;           // first packed token
  int64_t length = 0;          // tokens, > 0
  int64_t parent = -1;         // index of the parent segment, -1 for a root; always < own index
  int64_t first_position = 0;  // position of its first token = tokens of all its ancestors
};

class PackedLayout {
 public:
  // Appends a segment of `length` > 0 tokens and returns its index.
  int64_t add_root(int64_t length);
  int64_t add_child(int64_t parent, int64_t length);

  int64_t tokens() const { return tokens_; }  // N
  int64_t segment_count() const { return static_cast<int64_t>(segments_.size()); }  // S
  const std::vector<Segment>& segments() const { return segments_; }
  const Segment& segment(int64_t index) const { return segments_[static_cast<size_t>(index)]; }

  // Whether any segment has a parent; without, plain block-diagonal attention is enough.
  bool is_flat() const { return flat_; }

  // Segment indices from the root down to and including `index`.
  std::vector<int64_t> path_to(int64_t index) const;

  // Position of every packed token, [N].
  std::vector<int64_t> positions() const;

 private:
  std::vector<Segment> segments_;
  int64_t tokens_ = 0;
  bool flat_ = true;
};

}  // namespace attune::engine::ops
