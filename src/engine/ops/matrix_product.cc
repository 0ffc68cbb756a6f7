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
constexpr int64_t kBlockFloats = int64_t{2} << 20;  // of a: 8 MB
constexpr int64_t kPanelsAtOnce = 6;   // of a, packed by one thread
constexpr int64_t kPiecesALane = 4;    // so that threads which are held up leave some to others
constexpr int64_t kLeastSide = 65;                // with fewer rows or columns, or in all with
constexpr int64_t kLeastWork = int64_t{1} << 23;  // less work, packing does not pay
constexpr int64_t kLaneWeight = int64_t{1} << 15;  // numbers of a weight that are worth a thread
// Floats a vector of AVX-512. With it the two are too near to one another for a measurement, which
// would give now one, now the other: on one thread the library is ahead, on several ours.
constexpr int64_t kAvx512Floats = 16;
constexpr double kMargin = 0.97;  // our time over the library's must be below: a tie is the library

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Blocks of nearly equal size, none above `most`.
int64_t even_block(int64_t size, int64_t most) { return ceil_div(size, ceil_div(size, most)); }

// Kept from product to product, some 13 MB: memory that is new costs more than packing into it.
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
        rows_(ceil_div(parts_[0].rows, tile_.rows)),
        depth_(even_block(whole_depth(), tile_.depth)),
        high_(even_block(rows_, std::max<int64_t>(1, kBlockFloats / (depth_ * tile_.rows)))) {
    for (size_t part = 0; part < parts_.size(); ++part) {
      const int64_t count = ceil_div(parts_[part].columns, tile_.columns);
      for (int64_t column = 0; column < count; ++column) panels_.push_back({part, column});
    }
    wide_ = even_block(panels(), std::max<int64_t>(1, kBlockWidth / tile_.columns));
    packed_b_ = scratch((wide_ * tile_.columns + high_ * tile_.rows) * depth_);
    packed_a_ = packed_b_ + wide_ * tile_.columns * depth_;
  }

  void run() const {
    run_team(compute_threads(), [&](Team& team) {
      for (int64_t p = 0; p < whole_depth(); p += depth_) {
        for (int64_t i = 0; i < rows_; i += high_) {
          for (int64_t j = 0; j < panels(); j += wide_) {
            const Block block{p, i, std::min(high_, rows_ - i), j, std::min(wide_, panels() - j)};
            // What is packed still, is not packed again: a's rows from the panels before, b's one
            // block of panels from the rows before.
            pack(team, block, j == 0, i == 0 || wide_ < panels());
            multiply(team, block);
          }
        }
      }
    });
  }

 private:
  struct Panel {
    size_t part;
    int64_t column;  // of the part's tiles
  };

  // Rows of tiles [row, row + high) by panels [first, first + wide), from a depth on.
  struct Block {
    int64_t from, row, high, first, wide;
  };

  int64_t whole_depth() const { return parts_[0].depth; }
  int64_t panels() const { return static_cast<int64_t>(panels_.size()); }
  const Panel& panel(int64_t place) const { return panels_[static_cast<size_t>(place)]; }

  // The block's rows and depth of a part, with all its columns.
  cpu::MatrixProduct within(const Block& block, size_t part) const {
    cpu::MatrixProduct job = parts_[part];
    const int64_t row = block.row * tile_.rows;
    job.a += row * job.a_row_stride + block.from * job.a_column_stride;
    job.b += block.from * job.b_row_stride;
    job.c += row * job.c_stride;
    job.rows = std::min(block.high * tile_.rows, job.rows - row);
    job.depth = std::min(depth_, job.depth - block.from);
    job.add = job.add || block.from > 0;
    return job;
  }

  float* packed_panel(const Block& block, int64_t i) const {
    return packed_b_ + i * tile_.columns * std::min(depth_, whole_depth() - block.from);
  }

  void pack(Team& team, const Block& block, bool a, bool b) const {
    const int64_t groups = a ? ceil_div(block.high, kPanelsAtOnce) : 0;
    team.share_pieces(groups + (b ? block.wide : 0), 1, [&](int64_t piece, int64_t) {
      if (piece < groups) {
        kernels_.pack_rows(within(block, 0), piece * kPanelsAtOnce,
                           std::min((piece + 1) * kPanelsAtOnce, block.high), packed_a_);
      } else {
        const int64_t i = piece - groups;
        const auto [part, column] = panel(block.first + i);
        kernels_.pack_columns(within(block, part), column, packed_panel(block, i));
      }
    });
    team.wait();
  }

  void multiply(Team& team, const Block& block) const {
    // A group of a's rows stays in the second cache while b's panels pass by.
    const int64_t fitting = tile_.group_floats / (depth_ * tile_.rows);
    const int64_t fair = block.high * block.wide / (team.lanes() * kPiecesALane);
    const int64_t groups =
        ceil_div(block.high, std::max<int64_t>(1, std::min(fitting, fair)));
    team.share_pieces(groups * block.wide, 1, [&](int64_t piece, int64_t) {
      const int64_t group = piece / block.wide, i = piece % block.wide;
      const auto [part, column] = panel(block.first + i);
      kernels_.multiply_packed(within(block, part), packed_a_, group * block.high / groups,
                               (group + 1) * block.high / groups, packed_panel(block, i), column,
                               packed_panel(block, (i + 1) % block.wide));
    });
    team.wait();
  }

  const std::vector<cpu::MatrixProduct> parts_;
  const cpu::KernelTable& kernels_;
  const cpu::MatrixTile tile_;
  const int64_t rows_;   // of tiles
  const int64_t depth_;  // of a block
  const int64_t high_;   // of a block, in rows of tiles
  std::vector<Panel> panels_;
  int64_t wide_ = 0;     // of a block, in panels
  float* packed_b_ = nullptr;  // its panels at multiples of a line of the cache
  float* packed_a_ = nullptr;
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

ProductKind decided_kind() {
  if (cpu::kernels() == nullptr) return ProductKind::kLibrary;
  if (cpu::kernels()->lanes == kAvx512Floats) {
    return compute_threads() > 1 ? ProductKind::kOwn : ProductKind::kLibrary;
  }
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
    static const ProductKind decided = decided_kind();
    int undecided = kUndecided;
    chosen.compare_exchange_strong(undecided, static_cast<int>(decided));
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
