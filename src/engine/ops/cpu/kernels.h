// Our own fp32 kernels for the CPU. Their sources are compiled once per instruction set (avx2,
// avx512, avx512_vnni; generic elsewhere) from the same text, know nothing of LibTorch, and are
// chosen at run time. Each works on a range of rows, so the caller decides about threads. Pointers
// need the alignment of their type alone, and must not overlap unless said otherwise.
#pragma once

#include <cstdint>

namespace attune::engine::ops::cpu {

// Rows of logits to log-probs and gradients, in place.
struct SoftmaxRows {
  float* logits = nullptr;             // [rows, columns], raw; holds the gradient afterwards
  int64_t columns = 0;
  const int64_t* targets = nullptr;    // [rows]
  const float* row_weights = nullptr;  // [rows], or null: logits are left as they are
  float slope = 1.0f;                  // multiplies logits before the softmax, and the gradient
  float* log_probs = nullptr;          // [rows]
  float* entropy = nullptr;            // [rows] or null
  bool* correct = nullptr;             // [rows] or null
};

struct NormRows {
  const float* x = nullptr;       // [rows, width]
  const float* weight = nullptr;  // [width]
  int64_t width = 0;
  float epsilon = 0;
  float* inverse_rms = nullptr;   // [rows]; written forward, read backward
};

// Heads of a row rotated by the angles of its position. Rows of x lie row_stride floats apart.
struct RotaryRows {
  const float* x = nullptr;
  int64_t row_stride = 0;
  const float* cos = nullptr;  // [positions, half]
  const float* sin = nullptr;
  int64_t half = 0;
  const int64_t* positions = nullptr;  // [rows]
  int64_t heads = 0;
  int64_t width = 0;     // floats a head; those from 2 * half onwards are copied
  bool backward = false; // rotate the other way
};

// A run of consecutive tokens whose keys a query block may see.
struct KeyRange {
  int64_t begin = 0;           // packed token
  int64_t length = 0;
  int64_t first_position = 0;
};

// q, out and their gradients are [N, heads, width]; k, v and theirs [N, key_heads, width];
// contiguous.
struct AttentionProblem {
  const float* q = nullptr;
  const float* k = nullptr;
  const float* v = nullptr;
  int64_t heads = 0;
  int64_t key_heads = 0;
  int64_t width = 0;  // a multiple of kernel_lanes()
  float scale = 0;
  int64_t window = 0;             // 0: none
  const float* alibi = nullptr;   // slopes [heads], or null; ops/attention.h has the formula
  float alibi_scale = 1;
  float* out = nullptr;
  float* log_sums = nullptr;      // [N, heads]: log of the sum of exponentials
  // Backward only.
  const float* d_out = nullptr;
  const float* delta = nullptr;   // [N, heads]: sum of d_out * out
  float* d_q = nullptr;
};

// Queries [begin, begin + rows) of one segment and one key head, and what they see. The last range
// is the segment's own and ends with the last of these queries.
struct AttentionTask {
  int64_t begin = 0;
  int64_t rows = 0;  // <= kAttentionRowsMax
  int64_t first_position = 0;
  int64_t key_head = 0;
  const KeyRange* ranges = nullptr;
  int64_t range_count = 0;
};
inline constexpr int64_t kAttentionRowsMax = 128;

// Where a backward task adds its share of d k and d v: row of token t is (t - first_token) *
// stride.
struct KeyGradients {
  float* d_k = nullptr;
  float* d_v = nullptr;
  int64_t first_token = 0;
  int64_t stride = 0;
};

// Rows of a repacked quantised matrix (ops/quantized_matrix.h): groups of 8 rows, blocks of 32
// columns.
struct QuantizedRows {
  const uint8_t* groups = nullptr;  // first group of the matrix
  int64_t blocks = 0;               // blocks a row
  int64_t group_bytes = 0;          // bytes of one group
  int64_t rows = 0;                 // rows of the matrix that exist (the last group may be padded)
};

// Activations in blocks of 32, each rounded to whole steps of its largest magnitude / 32258, as
// int16 and as two int8 planes: n = 254 * first + second. A block below kLeastExtent is zero.
inline constexpr float kLeastExtent = 1e-30f;  // 32258 over less would leave the range of floats
struct QuantizedInput {
  const int16_t* wide = nullptr;   // [batch, blocks * 32]
  const int8_t* planes = nullptr;  // [batch, 2, blocks * 32]
  const float* steps = nullptr;    // [batch, blocks]
  const float* sums = nullptr;     // [batch, blocks]: of the rounded values
  int64_t batch = 0;
};

// A stretch of one head's cached keys and values, [count, width] each.
struct CachedRun {
  const float* keys = nullptr;
  const float* values = nullptr;
  int64_t count = 0;
  int64_t first_position = 0;
};

// One query of one head, and the runs it sees from the oldest on.
struct CachedQuery {
  const float* q = nullptr;  // [width], a multiple of kernel_lanes()
  float* out = nullptr;      // [width]
  int64_t width = 0;
  int64_t position = 0;
  float scale = 0;
  const float* biases = nullptr;  // added to the scaled scores of all keys, or null
  const CachedRun* runs = nullptr;
  int64_t run_count = 0;
  float* weights = nullptr;  // scratch: the runs' counts together, rounded up to whole vectors
};

// c [rows, columns] = or += a [rows, depth] * b [depth, columns]; operands may be turned: element
// (i, j) lies at i * row_stride + j * column_stride. The order of sums depends on `depth` alone.
struct MatrixProduct {
  const float* a = nullptr;
  int64_t a_row_stride = 0, a_column_stride = 0;
  const float* b = nullptr;
  int64_t b_row_stride = 0, b_column_stride = 0;
  float* c = nullptr;
  int64_t c_stride = 0;  // of its rows
  int64_t rows = 0, columns = 0, depth = 0;
  bool add = false;
};

struct MatrixTile {
  int64_t rows = 0, columns = 0;  // of c
  int64_t depth = 0;              // the most that is multiplied at once
  int64_t group_floats = 0;       // of a's panels that stay in the second cache
};

// y [rows, outputs] = x [rows, depth] * weight', for few rows. Strides are those of rows, whose
// numbers lie side by side.
struct FewRowsProduct {
  const float* x = nullptr;
  int64_t x_stride = 0;
  const float* weight = nullptr;  // [outputs, depth]
  int64_t weight_stride = 0;
  float* y = nullptr;
  int64_t y_stride = 0;
  int64_t rows = 0, depth = 0;
};

struct KernelTable {
  const char* name;
  int64_t lanes;  // floats a vector

  void (*softmax_rows)(const SoftmaxRows&, int64_t begin, int64_t end);
  void (*rms_norm)(const NormRows&, float* y, int64_t begin, int64_t end);
  // d_weight [width] is added to.
  void (*rms_norm_backward)(const NormRows&, const float* d_y, float* d_x, float* d_weight,
                            int64_t begin, int64_t end);
  void (*swiglu)(const float* gate, const float* up, float* y, int64_t count);
  void (*swiglu_backward)(const float* gate, const float* up, const float* d_y, float* d_gate,
                          float* d_up, int64_t count);
  void (*rotate)(const RotaryRows&, float* y, int64_t begin, int64_t end);

  int64_t (*attention_scratch_floats)(int64_t width);
  void (*attention)(const AttentionProblem&, const AttentionTask&, float* scratch);
  void (*attention_backward)(const AttentionProblem&, const AttentionTask&, const KeyGradients&,
                             float* scratch);

  // A product is cut into tiles of c. Panels [begin, end) of a, each of a tile's rows, lie one
  // behind the other, [panel][depth][rows]; a panel of b is [depth][columns] of one column of
  // tiles. Both hold zeros where c ends. Tiles [begin, end) of a column are then multiplied,
  // while the panel of b that will be `next` is fetched.
  MatrixTile (*matrix_tile)();
  void (*pack_rows)(const MatrixProduct&, int64_t begin, int64_t end, float* panels);
  void (*pack_columns)(const MatrixProduct&, int64_t column, float* panel);
  void (*multiply_packed)(const MatrixProduct&, const float* panels, int64_t begin, int64_t end,
                          const float* panel, int64_t column, const float* next);
  // Outputs [begin, end). The order of sums depends on `depth` alone.
  void (*few_rows_product)(const FewRowsProduct&, int64_t begin, int64_t end);

  void (*attend_cached)(const CachedQuery&);

  // One row of a QuantizedInput.
  void (*quantize_input)(const float* x, int64_t blocks, int16_t* wide, int8_t* planes,
                         float* steps, float* sums);
  // y [batch, rows] for groups [begin, end); one per block format. Null where there is no kernel.
  void (*product_q8_0)(const QuantizedRows&, const QuantizedInput&, float* y, int64_t begin,
                       int64_t end);
  void (*product_q4_0)(const QuantizedRows&, const QuantizedInput&, float* y, int64_t begin,
                       int64_t end);
  void (*product_q4_1)(const QuantizedRows&, const QuantizedInput&, float* y, int64_t begin,
                       int64_t end);
};

// The kernels for this machine, or null where there are none (LibTorch's operators are used then).
const KernelTable* kernels();

// For tests: kernels() answers `table` while this lives. Not thread-safe.
class KernelOverride {
 public:
  explicit KernelOverride(const KernelTable* table);
  ~KernelOverride();
  KernelOverride(const KernelOverride&) = delete;
  KernelOverride& operator=(const KernelOverride&) = delete;
};

}  // namespace attune::engine::ops::cpu
