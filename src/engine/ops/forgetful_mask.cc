#include "engine/ops/forgetful_mask.h"

#include <ATen/ops/zeros.h>

#include "base/check.h"
#include "base/random.h"

namespace attune::engine::ops {

std::vector<Tensor> forgetful_masks(const PackedLayout& layout, const ForgetfulShare& share,
                                    uint64_t seed) {
  CHECK(layout.is_flat(), "masks over a shared prompt would differ by completion");
  CHECK(0 <= share.low && share.low <= share.high && share.high < 1, "shares {} to {}", share.low,
        share.high);
  std::vector<Tensor> masks;
  for (int64_t index = 0; index < layout.segment_count(); ++index) {
    Random random(seed, static_cast<uint64_t>(index));
    const double ratio = share.low + (share.high - share.low) * random.uniform();
    const int64_t length = layout.segment(index).length;
    Tensor mask = at::zeros({length, length}, at::kBool);
    bool* hidden = mask.data_ptr<bool>();
    for (int64_t query = 1; query < length; ++query) {
      for (int64_t key = 1; key <= query; ++key) {  // later keys are hidden anyhow
        hidden[query * length + key] = random.uniform() < ratio;
      }
    }
    masks.push_back(std::move(mask));
  }
  return masks;
}

}  // namespace attune::engine::ops
