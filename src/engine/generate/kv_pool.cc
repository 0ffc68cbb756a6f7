#include "engine/generate/kv_pool.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <iterator>

#include "base/check.h"

namespace attune::engine::generate {
namespace {

constexpr int64_t kFirstRows = 1024;

}  // namespace

KvPool::Free::iterator KvPool::wide_enough(int64_t count) {
  return std::find_if(free_.begin(), free_.end(),
                      [&](const auto& entry) { return entry.second >= count; });
}

std::vector<KvPool::Stretch> KvPool::take(int64_t count) {
  CHECK(count > 0, "{} rows of a pool", count);
  auto wide = wide_enough(count);
  if (wide == free_.end() && (free_rows_ < count || capacity_ < rows_max_)) {
    grow(count);
    wide = wide_enough(count);
  }
  if (wide != free_.end()) return {cut(wide, count)};
  std::vector<Stretch> stretches;
  while (count > 0) {
    stretches.push_back(cut(free_.begin(), std::min(count, free_.begin()->second)));
    count -= stretches.back().count;
  }
  return stretches;
}

KvPool::Stretch KvPool::cut(Free::iterator from, int64_t count) {
  const auto [begin, available] = *from;
  free_.erase(from);
  if (available > count) free_[begin + count] = available - count;
  free_rows_ -= count;
  return {begin, count};
}

void KvPool::give_back(std::vector<int64_t> rows) {
  std::sort(rows.begin(), rows.end());
  for (size_t begin = 0, end = 0; begin < rows.size(); begin = end) {
    while (end < rows.size() && rows[end] == rows[begin] + static_cast<int64_t>(end - begin)) ++end;
    add_free({rows[begin], static_cast<int64_t>(end - begin)});
  }
  if (free_rows_ < capacity_) return;
  free_.clear();
  storage_ = Tensor();
  capacity_ = free_rows_ = 0;
}

void KvPool::add_free(Stretch stretch) {
  free_rows_ += stretch.count;
  auto after = free_.lower_bound(stretch.begin);
  CHECK(after == free_.end() || stretch.begin + stretch.count <= after->first,
        "rows from {} on given back twice", stretch.begin);
  if (after != free_.end() && stretch.begin + stretch.count == after->first) {
    stretch.count += after->second;
    after = free_.erase(after);
  }
  if (after != free_.begin()) {
    const auto before = std::prev(after);
    CHECK(before->first + before->second <= stretch.begin, "rows from {} on given back twice",
          stretch.begin);
    if (before->first + before->second == stretch.begin) {
      before->second += stretch.count;
      return;
    }
  }
  free_[stretch.begin] = stretch.count;
}

void KvPool::grow(int64_t count) {
  const int64_t wanted = std::max(kFirstRows, std::min(2 * capacity_, rows_max_));
  const int64_t more = std::max(count, wanted - capacity_);
  Tensor wider = at::empty({shape_.layers, 2, capacity_ + more, shape_.kv_heads, shape_.head_width},
                           at::TensorOptions(at::kFloat).device(shape_.device));
  if (capacity_ > 0) wider.narrow(2, 0, capacity_).copy_(storage_);
  storage_ = std::move(wider);
  add_free({capacity_, more});
  capacity_ += more;
}

void KvPool::write(int64_t layer, const std::vector<Stretch>& to, const Tensor& k,
                   const Tensor& v) {
  int64_t from = 0;
  for (const Stretch& stretch : to) {
    const auto [begin, count] = stretch;
    keys(layer).narrow(0, begin, count).copy_(k.narrow(0, from, count));
    values(layer).narrow(0, begin, count).copy_(v.narrow(0, from, count));
    from += count;
  }
  CHECK(from == k.size(0), "{} rows for {} tokens", from, k.size(0));
}

}  // namespace attune::engine::generate
