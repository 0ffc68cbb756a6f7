#include "engine/ops/matrix_product.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/ones.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <chrono>

#include "base/check.h"
#include "engine/ops/cpu/kernels.h"
#include "engine/tensor/parallel.h"

namespace attune::engine::ops {
namespace {

constexpr int64_t kTileRows = 6;
constexpr int64_t kLeastSide = 256;               // with fewer rows or columns, or in all with
constexpr int64_t kLeastWork = int64_t{1} << 20;  // less work, packing does not pay
constexpr int64_t kLaneWork = int64_t{1} << 21;   // below it a second thread does not
constexpr int64_t kLaneWeight = int64_t{1} << 15;  // numbers of a weight that are worth a thread
constexpr double kMargin = 0.97;  // our time over the library's must be below: a tie is the library

// Runs rows x columns of c on the compute threads, cut along the side whose cut makes the threads
// pack less twice. A tile is computed whole by one thread, so the cut does not change a bit.
void run_product(const cpu::MatrixProduct& whole) {
  const cpu::KernelTable& kernels = *cpu::kernels();
  const bool by_columns = whole.columns > whole.rows;
  const int64_t unit = by_columns ? 2 * kernels.lanes : kTileRows;
  const int64_t size = by_columns ? whole.columns : whole.rows;
  const int64_t units = (size + unit - 1) / unit;
  const int64_t work = whole.rows * whole.columns * whole.depth;
  const int64_t lanes = std::min(lanes_for(work, kLaneWork), units);
  const int64_t floats =
      kernels.matrix_scratch_floats(whole.rows, whole.columns, whole.depth);
  Tensor scratch = at::empty({lanes, floats});
  run_lanes(lanes, units, [&](int64_t lane, int64_t first, int64_t last) {
    const int64_t begin = first * unit, count = std::min(last * unit, size) - begin;
    cpu::MatrixProduct part = whole;
    if (by_columns) {
      part.b += begin * whole.b_column_stride;
      part.c += begin;
      part.columns = count;
    } else {
      part.a += begin * whole.a_row_stride;
      part.c += begin * whole.c_stride;
      part.rows = count;
    }
    kernels.matrix_product(part, scratch.data_ptr<float>() + lane * floats);
  });
}

// y [n, M] = x [n, K] times b [K, M], the view of a weight [M, K] turned.
Tensor few_rows_product(const Tensor& x, const Tensor& b) {
  Tensor y = at::empty({x.size(0), b.size(1)}, x.options());
  cpu::FewRowsProduct job;
  job.x = x.const_data_ptr<float>();
  job.x_stride = x.stride(0);
  job.weight = b.const_data_ptr<float>();
  job.weight_stride = b.stride(1);
  job.y = y.data_ptr<float>();
  job.y_stride = y.stride(0);
  job.rows = x.size(0);
  job.depth = x.size(1);
  const auto kernel = cpu::kernels()->few_rows_product;
  run_lanes(lanes_for(b.numel(), kLaneWeight), b.size(1),
            [&](int64_t, int64_t begin, int64_t end) { kernel(job, begin, end); });
  return y;
}

cpu::MatrixProduct job_of(Tensor& c, const Tensor& a, const Tensor& b, bool add) {
  cpu::MatrixProduct job;
  job.a = a.const_data_ptr<float>();
  job.a_row_stride = a.stride(0);
  job.a_column_stride = a.stride(1);
  job.b = b.const_data_ptr<float>();
  job.b_row_stride = b.stride(0);
  job.b_column_stride = b.stride(1);
  job.c = c.data_ptr<float>();
  job.c_stride = c.stride(0);
  job.rows = a.size(0);
  job.columns = b.size(1);
  job.depth = a.size(1);
  job.add = add;
  return job;
}

bool plain_fp32(const Tensor& x) {
  return x.is_cpu() && x.scalar_type() == at::kFloat && x.dim() == 2;
}

// By sizes and types alone, so that the same product always takes the same way.
bool own_kernel_takes(const Tensor& a, const Tensor& b) {
  return plain_fp32(a) && plain_fp32(b) && a.size(1) == b.size(0) &&
         std::min(a.size(0), b.size(1)) >= kLeastSide &&
         a.size(0) * a.size(1) * b.size(1) >= kLeastWork && cpu::kernels() != nullptr &&
         product_kind() == ProductKind::kOwn;
}

bool few_rows_kernel_takes(const Tensor& a, const Tensor& b) {
  return plain_fp32(a) && plain_fp32(b) && a.size(1) == b.size(0) && a.size(0) > 0 &&
         a.size(0) <= kFewRowsMax && a.stride(1) == 1 && b.stride(0) == 1 &&
         b.numel() >= kFewRowsLeastWeight && cpu::kernels() != nullptr;
}

double thread_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// The shortest of some runs by this thread's processor time: what else runs here does not count.
template <typename Body>
double shortest(const Body& body) {
  constexpr int kRuns = 4;
  double best = 1e9;
  for (int run = 0; run < kRuns; ++run) {
    const double start = thread_seconds();
    body();
    best = std::min(best, thread_seconds() - start);
  }
  return best;
}

ProductKind measured_kind() {
  if (cpu::kernels() == nullptr) return ProductKind::kLibrary;
  const at::NoGradGuard no_grad;
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  // A forward product of a layer of a small model: x [512, 576] by a weight [576, 576].
  const Tensor a = at::ones({512, 576}), b = at::ones({576, 576}).t();
  Tensor c = at::empty({512, 576});
  const double library = shortest([&] { at::mm_out(c, a, b); });
  const double own = shortest([&] { run_product(job_of(c, a, b, /*add=*/false)); });
  at::set_num_threads(threads);
  return own < kMargin * library ? ProductKind::kOwn : ProductKind::kLibrary;
}

constexpr int kUndecided = -1;
std::atomic<int> chosen{kUndecided};

}  // namespace

ProductKind product_kind() {
  if (chosen == kUndecided) {
    static const ProductKind measured = measured_kind();
    int undecided = kUndecided;
    chosen.compare_exchange_strong(undecided, static_cast<int>(measured));
  }
  return static_cast<ProductKind>(chosen.load());
}

void set_product_kind(ProductKind kind) { chosen = static_cast<int>(kind); }

double probe_own_product_gflops(double seconds) {
  using Clock = std::chrono::steady_clock;
  if (cpu::kernels() == nullptr) return 0;
  constexpr int64_t kSide = 1024;
  const Tensor a = at::ones({kSide, kSide}), b = at::ones({kSide, kSide});
  Tensor c = at::empty({kSide, kSide});
  double best = 1e9;
  const Clock::time_point begin = Clock::now();
  const auto since = [](Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  do {
    const Clock::time_point start = Clock::now();
    run_product(job_of(c, a, b, /*add=*/false));
    best = std::min(best, since(start));
  } while (since(begin) < seconds);
  return 2.0 * static_cast<double>(kSide * kSide * kSide) / best * 1e-9;
}

Tensor product(const Tensor& a, const Tensor& b) {
  const at::NoGradGuard no_grad;
  if (few_rows_kernel_takes(a, b)) return few_rows_product(a, b);
  if (!own_kernel_takes(a, b)) return at::mm(a, b);
  Tensor c = at::empty({a.size(0), b.size(1)}, a.options());
  run_product(job_of(c, a, b, /*add=*/false));
  return c;
}

void product_out(Tensor& c, const Tensor& a, const Tensor& b) {
  const at::NoGradGuard no_grad;
  CHECK(c.size(0) == a.size(0) && c.size(1) == b.size(1), "a product into another shape");
  if (!own_kernel_takes(a, b) || !plain_fp32(c) || c.stride(1) != 1) {
    at::mm_out(c, a, b);
  } else {
    run_product(job_of(c, a, b, /*add=*/false));
  }
}

void add_product(Tensor& c, const Tensor& a, const Tensor& b) {
  const at::NoGradGuard no_grad;
  CHECK(c.size(0) == a.size(0) && c.size(1) == b.size(1), "a product added to another shape");
  if (!own_kernel_takes(a, b) || !plain_fp32(c) || c.stride(1) != 1) {
    c.addmm_(a, b);
  } else {
    run_product(job_of(c, a, b, /*add=*/true));
  }
}

ProductOverride::ProductOverride(ProductKind kind) : before_(product_kind()) {
  set_product_kind(kind);
}
ProductOverride::~ProductOverride() { set_product_kind(before_); }

}  // namespace attune::engine::ops
