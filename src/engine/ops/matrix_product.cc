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
#include <utility>

#include "base/check.h"
#include "engine/ops/cpu/kernels.h"
#include "engine/tensor/parallel.h"
#include "engine/tensor/team.h"
#include "engine/tensor/threads.h"

namespace attune::engine::ops {
namespace {

constexpr int64_t kBlockWidth = 2048;  // columns of b that are packed at once
constexpr int64_t kPanelsAtOnce = 6;   // of a, packed by one thread
constexpr int64_t kPiecesALane = 4;    // so that threads which are held up leave some to others
constexpr int64_t kLeastSide = 65;                // with fewer rows or columns, or in all with
constexpr int64_t kLeastWork = int64_t{1} << 23;  // less work, packing does not pay
constexpr int64_t kLaneWork = int64_t{1} << 21;   // below it a second thread does not
constexpr int64_t kLaneWeight = int64_t{1} << 15;  // numbers of a weight that are worth a thread
// With AVX-512 both are about as fast on one thread, where a measurement would give now one, now
// the other; on several ours shares the work better.
constexpr int64_t kLanesThatTie = 16;
constexpr double kMargin = 0.97;  // our time over the library's must be below: a tie is the library

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Blocks of nearly equal size, none above `most`.
int64_t even_block(int64_t size, int64_t most) { return ceil_div(size, ceil_div(size, most)); }

// Kept from product to product: memory that is new costs more than packing into it.
float* scratch(int64_t floats) {
  thread_local Tensor kept;
  if (!kept.defined() || kept.numel() < floats) kept = at::empty({floats});
  return kept.data_ptr<float>();
}

// Products of one left side with some right sides on one team: the operands of a block of the depth
// are packed by all together, then its tiles multiplied. A tile is computed whole by one thread and
// the cuts of the depth depend on the depth alone, so who does what does not change a bit, nor what
// else is multiplied.
class TeamProduct {
 public:
  // `parts` have the same a, rows and depth.
  explicit TeamProduct(std::vector<cpu::MatrixProduct> parts)
      : parts_(std::move(parts)), kernels_(*cpu::kernels()), tile_(kernels_.matrix_tile()),
        depth_(even_block(whole_depth(), tile_.depth)),
        rows_(ceil_div(parts_[0].rows, tile_.rows)) {
    int64_t columns = 0;
    for (size_t part = 0; part < parts_.size(); ++part) {
      const int64_t count = ceil_div(parts_[part].columns, tile_.columns);
      for (int64_t column = 0; column < count; ++column) panels_.push_back({part, column});
      columns += parts_[part].columns;
    }
    const auto panels = static_cast<int64_t>(panels_.size());
    wide_ = even_block(panels, std::max<int64_t>(1, kBlockWidth / tile_.columns));
    lanes_ = lanes_for(parts_[0].rows * columns * whole_depth(), kLaneWork);
    const int64_t fitting = tile_.group_floats / (depth_ * tile_.rows);
    const int64_t fair = rows_ * wide_ / (lanes_ * kPiecesALane);
    groups_ = ceil_div(rows_, std::max<int64_t>(1, std::min(fitting, fair)));
    packed_a_ = scratch((rows_ * tile_.rows + wide_ * tile_.columns) * depth_);
    packed_b_ = packed_a_ + rows_ * tile_.rows * depth_;
  }

  void run() const {
    const auto panels = static_cast<int64_t>(panels_.size());
    run_team(lanes_, [&](Team& team) {
      for (int64_t p = 0; p < whole_depth(); p += depth_) {
        for (int64_t j = 0; j < panels; j += wide_) {
          multiply_block(team, p, j, std::min(wide_, panels - j));
        }
      }
    });
  }

 private:
  struct Panel {
    size_t part;
    int64_t column;  // of the part's tiles
  };

  int64_t whole_depth() const { return parts_[0].depth; }
  const Panel& panel(int64_t place) const { return panels_[static_cast<size_t>(place)]; }

  cpu::MatrixProduct from_depth(size_t part, int64_t p) const {
    cpu::MatrixProduct job = parts_[part];
    job.a += p * job.a_column_stride;
    job.b += p * job.b_row_stride;
    job.depth = std::min(depth_, job.depth - p);
    job.add = job.add || p > 0;
    return job;
  }

  // Panels [first, first + wide) of the right sides, from depth p on.
  void multiply_block(Team& team, int64_t p, int64_t first, int64_t wide) const {
    const int64_t depth = std::min(depth_, whole_depth() - p);
    const auto packed_panel = [&](int64_t i) { return packed_b_ + i * tile_.columns * depth; };
    const int64_t new_rows = first == 0 ? ceil_div(rows_, kPanelsAtOnce) : 0;
    team.share_pieces(new_rows + wide, 1, [&](int64_t piece, int64_t) {
      if (piece < new_rows) {
        kernels_.pack_rows(from_depth(0, p), piece * kPanelsAtOnce,
                           std::min((piece + 1) * kPanelsAtOnce, rows_), packed_a_);
      } else {
        const int64_t i = piece - new_rows;
        const auto [part, column] = panel(first + i);
        kernels_.pack_columns(from_depth(part, p), column, packed_panel(i));
      }
    });
    team.wait();
    // A group of a's rows stays in the second cache while b's panels pass by.
    team.share_pieces(groups_ * wide, 1, [&](int64_t piece, int64_t) {
      const int64_t group = piece / wide, i = piece % wide;
      const auto [part, column] = panel(first + i);
      kernels_.multiply_packed(from_depth(part, p), packed_a_, group * rows_ / groups_,
                               (group + 1) * rows_ / groups_, packed_panel(i), column,
                               packed_panel((i + 1) % wide));
    });
    team.wait();
  }

  const std::vector<cpu::MatrixProduct> parts_;
  const cpu::KernelTable& kernels_;
  const cpu::MatrixTile tile_;
  const int64_t depth_;  // of a block
  const int64_t rows_;   // of tiles
  std::vector<Panel> panels_;
  int64_t wide_ = 0;     // panels that are packed at once
  int64_t groups_ = 0;   // of rows of tiles
  int64_t lanes_ = 0;
  float* packed_a_ = nullptr;
  float* packed_b_ = nullptr;
};

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

// By sizes and types alone, so that the same products always take the same way.
bool own_kernel_takes(const Tensor& a, const std::vector<Tensor>& bs) {
  int64_t columns = 0;
  for (const Tensor& b : bs) {
    if (!plain_fp32(b) || a.size(1) != b.size(0)) return false;
    columns += b.size(1);
  }
  return plain_fp32(a) && std::min(a.size(0), columns) >= kLeastSide &&
         a.size(0) * a.size(1) * columns >= kLeastWork && cpu::kernels() != nullptr &&
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
  if (cpu::kernels()->lanes == kLanesThatTie && compute_threads() > 1) return ProductKind::kOwn;
  const at::NoGradGuard no_grad;
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  // A forward product of a layer of a small model: x [512, 576] by a weight [576, 576].
  const Tensor a = at::ones({512, 576}), b = at::ones({576, 576}).t();
  Tensor c = at::empty({512, 576});
  const double library = shortest([&] { at::mm_out(c, a, b); });
  const double own = shortest([&] { TeamProduct({job_of(c, a, b, /*add=*/false)}).run(); });
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
    TeamProduct({job_of(c, a, b, /*add=*/false)}).run();
    best = std::min(best, since(start));
  } while (since(begin) < seconds);
  return 2.0 * static_cast<double>(kSide * kSide * kSide) / best * 1e-9;
}

Tensor product(const Tensor& a, const Tensor& b) { return products(a, {b})[0]; }

std::vector<Tensor> products(const Tensor& a, const std::vector<Tensor>& bs) {
  const at::NoGradGuard no_grad;
  const bool own = own_kernel_takes(a, bs);
  std::vector<Tensor> results;
  std::vector<cpu::MatrixProduct> parts;
  for (const Tensor& b : bs) {
    if (few_rows_kernel_takes(a, b)) {
      results.push_back(few_rows_product(a, b));
    } else if (own) {
      results.push_back(at::empty({a.size(0), b.size(1)}, a.options()));
      parts.push_back(job_of(results.back(), a, b, /*add=*/false));
    } else {
      results.push_back(at::mm(a, b));
    }
  }
  if (!parts.empty()) TeamProduct(std::move(parts)).run();
  return results;
}

void product_out(Tensor& c, const Tensor& a, const Tensor& b) {
  const at::NoGradGuard no_grad;
  CHECK(c.size(0) == a.size(0) && c.size(1) == b.size(1), "a product into another shape");
  if (!own_kernel_takes(a, {b}) || !plain_fp32(c) || c.stride(1) != 1) {
    at::mm_out(c, a, b);
  } else {
    TeamProduct({job_of(c, a, b, /*add=*/false)}).run();
  }
}

void add_product(Tensor& c, const Tensor& a, const Tensor& b) {
  const at::NoGradGuard no_grad;
  CHECK(c.size(0) == a.size(0) && c.size(1) == b.size(1), "a product added to another shape");
  if (!own_kernel_takes(a, {b}) || !plain_fp32(c) || c.stride(1) != 1) {
    c.addmm_(a, b);
  } else {
    TeamProduct({job_of(c, a, b, /*add=*/true)}).run();
  }
}

ProductOverride::ProductOverride(ProductKind kind) : before_(product_kind()) {
  set_product_kind(kind);
}
ProductOverride::~ProductOverride() { set_product_kind(before_); }

}  // namespace attune::engine::ops
