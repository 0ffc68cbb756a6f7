// fp32 matrix products on the CPU: by LibTorch's library, or by our own kernels where they are
// faster.
//
// product() of up to kFewRowsMax rows and a weight [M, K] as it lies, as in decoding, is ours
// everywhere: the library reads the weight as often as it has groups of three rows or so. A row's
// result is the same beside whatever others. Weights of less than kFewRowsLeastWeight numbers are
// left to the library, so that passes of few and of many rows sum alike in small models.
//
// Larger ones run on our kernel where the processor has AVX-512 and there are several compute
// threads, which it keeps equally busy (docs/decisions/0075-products-shared-piece-by-piece.md);
// elsewhere on the one that a measurement finds faster. Which of the two it is changes the order of
// sums and so the last bits of results: it is decided once in a process, and a training run's plan
// keeps it (train/plan.h).
#pragma once

#include <vector>

#include "engine/tensor/tensor.h"

namespace attune::engine::ops {

inline constexpr int64_t kFewRowsMax = 64;  // with more, the library is as fast
inline constexpr int64_t kFewRowsLeastWeight = int64_t{1} << 16;

enum class ProductKind { kLibrary, kOwn };

// What large fp32 products run on in this process. Undecided at first: the first call may measure
// both on one thread, by its processor time, a few milliseconds each.
ProductKind product_kind();
// Decides it. Not while products run.
void set_product_kind(ProductKind kind);

// GFLOP/s of a product of two matrices of 1024 x 1024 by our kernel on all compute threads, for
// about `seconds`; 0 where there is no kernel.
double probe_own_product_gflops(double seconds);

// a [M, K] times b [K, N], of any strides and type; sums in fp32 for fp32. No gradient is recorded.
Tensor product(const Tensor& a, const Tensor& b);
// One a times each b, with a prepared once. Whether our kernel takes them hangs on all together, so
// a narrow b may have other last bits than product() gives.
std::vector<Tensor> products(const Tensor& a, const std::vector<Tensor>& bs);
// The same into c [M, N], replacing or adding to what it holds.
void product_out(Tensor& c, const Tensor& a, const Tensor& b);
void add_product(Tensor& c, const Tensor& a, const Tensor& b);

// For tests: product_kind() answers `kind` while this lives.
class ProductOverride {
 public:
  explicit ProductOverride(ProductKind kind);
  ~ProductOverride();
  ProductOverride(const ProductOverride&) = delete;
  ProductOverride& operator=(const ProductOverride&) = delete;

 private:
  ProductKind before_;
};

}  // namespace attune::engine::ops
