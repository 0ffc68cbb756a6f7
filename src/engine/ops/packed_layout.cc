#include "engine/ops/packed_layout.h"

#include <algorithm>

#include "base/check.h"

namespace attune::engine::ops {

int64_t PackedLayout::add_root(int64_t length) {
  CHECK(length > 0, "a segment of {} tokens", length);
  segments_.push_back({tokens_, length, -1, 0});
  tokens_ += length;
  return segment_count() - 1;
}

int64_t PackedLayout::add_child(int64_t parent, int64_t length) {
  CHECK(parent >= 0 && parent < segment_count(), "parent {} of {}", parent, segment_count());
  CHECK(length > 0, "a segment of {} tokens", length);
  const Segment& above = segment(parent);
  segments_.push_back({tokens_, length, parent, above.first_position + above.length});
  tokens_ += length;
  flat_ = false;
  return segment_count() - 1;
}

std::vector<int64_t> PackedLayout::path_to(int64_t index) const {
  std::vector<int64_t> path;
  for (int64_t at = index; at >= 0; at = segment(at).parent) path.push_back(at);
  std::reverse(path.begin(), path.end());
  return path;
}

std::vector<int64_t> PackedLayout::positions() const {
  std::vector<int64_t> positions;
  positions.reserve(static_cast<size_t>(tokens_));
  for (const Segment& s : segments_) {
    for (int64_t i = 0; i < s.length; ++i) positions.push_back(s.first_position + i);
  }
  return positions;
}

}  // namespace attune::engine::ops
