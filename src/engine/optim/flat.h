// Many tensors as one long row of elements, cut evenly for the compute threads: a pass over all
// parameters is then one parallel region, whatever the sizes of the single tensors.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/tensor/parallel.h"

namespace attune::engine::optim {

class Flat {
 public:
  // Adds a tensor of `count` elements behind the others.
  void add(int64_t count) { ends_.push_back(size() + count); }
  int64_t size() const { return ends_.empty() ? 0 : ends_.back(); }
  int64_t lanes() const { return lanes_for(size(), kLaneElements); }

  // Calls body(lane, tensor, begin, end) for the elements [begin, end) of every tensor; a lane's
  // calls come one after the other, in order. The cuts depend on sizes and threads alone.
  template <typename Body>
  void each_slice(const Body& body) const {
    const int64_t units = (size() + kUnit - 1) / kUnit;
    run_lanes(lanes(), units, [&](int64_t lane, int64_t first, int64_t last) {
      const int64_t begin = first * kUnit, end = std::min(last * kUnit, size());
      auto tensor = static_cast<size_t>(
          std::upper_bound(ends_.begin(), ends_.end(), begin) - ends_.begin());
      for (int64_t at = begin; at < end; ++tensor) {
        const int64_t start = tensor == 0 ? 0 : ends_[tensor - 1];
        const int64_t stop = std::min(end, ends_[tensor]);
        if (at < stop) body(lane, tensor, at - start, stop - start);
        at = stop;
      }
    });
  }

 private:
  static constexpr int64_t kUnit = 4096;
  static constexpr int64_t kLaneElements = 65536;  // below this a thread costs more than it brings
  std::vector<int64_t> ends_;
};

}  // namespace attune::engine::optim
