// A pass of a few rows (decoding) through a trunk held in blocks or in fp32, without LibTorch: one
// team of threads (tensor/team.h) goes through all layers on plain memory, so that the weights are
// read about as fast as the machine reads memory. The arithmetic is that of block.cc, operator by
// operator and to the bit; an adapter's share, and fp32 weights too small for block.cc to take the
// same kernel (ops/matrix_product.h), to rounding. block.cc is the reference that it is tested
// against.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/models/assembly.h"
#include "engine/models/attention_context.h"
#include "engine/models/decoder.h"
#include "engine/ops/quantized_blocks.h"
#include "engine/ops/rotary.h"
#include "engine/tensor/team.h"

namespace attune::engine::models {

class TeamPass {
 public:
  // Nothing for a trunk that it does not cover: it needs rotary positions, RMS norms, sequential
  // residuals, separate q, k and v, a SiLU gate, a language-model head, every matrix in blocks or
  // every one in fp32, and kernels for them. That is Llama, SmolLM2, Mistral, Qwen2 and Qwen3. The
  // trunk lives as long.
  static std::unique_ptr<TeamPass> make(const DecoderConfig& config, const Trunk& trunk);

  // Whether it covers rows of this adapter stack: over fp32, with one share a layer at most.
  bool takes(const std::vector<std::string>& stack) const;

  // logits [rows, V], and hidden states [rows, D] unless null, of rows of a stack that it takes.
  // Row r of `attention` is rows[r]; what it is given is already rotated.
  void run(const std::vector<TokenRow>& rows, const std::vector<std::string>& stack,
           const ops::RotaryTable& table, RowAttention& attention, float* logits, float* hidden);

 private:
  // A layer's weight in blocks or as it lies, in groups of kGroupRows of its rows either way.
  struct Matrix {
    explicit Matrix(const nn::Linear& layer);

    int64_t rows() const { return linear->out; }
    int64_t groups() const { return (rows() + ops::kGroupRows - 1) / ops::kGroupRows; }
    void fetch(int64_t group) const;  // asks memory for what follows there

    const nn::Linear* linear;
    std::optional<ops::QuantizedProduct> blocks;
    // Of the run's stack; where its middle [rows, r] lies differs among matrices of one input.
    std::optional<ops::LowRankShare> share;
    float* middle = nullptr;
  };
  // Rows [rows, columns] that are multiplied: rounded for blocks, or as they are.
  struct Input {
    ops::cpu::QuantizedInput rounded;
    const float* plain = nullptr;
    int64_t rows = 0;
  };
  struct Layer {
    const float* attention_norm;
    const float* feed_forward_norm;
    const float* q_norm;  // null: none
    const float* k_norm;
    Matrix q, k, v, output, gate, up, down;
    ops::AttentionOptions attention;
    bool rotary;
  };
  // Activations as the products read them.
  struct Rounded {
    std::vector<float> normed;  // for fp32
    std::vector<int16_t> wide;  // the rest for blocks
    std::vector<int8_t> planes;
    std::vector<float> steps, sums;
  };
  // What the lanes of one run share besides the buffers.
  struct Job {
    const std::vector<TokenRow>& rows;
    std::vector<int64_t> positions;
    const ops::RotaryTable& table;
    RowAttention& attention;
    float* logits;
    float* hidden;
    int64_t count() const { return static_cast<int64_t>(rows.size()); }
  };

  TeamPass(const DecoderConfig& config, const Trunk& trunk);
  void add_layer(const Block& block, const LayerConfig& settings);
  void select(const std::vector<std::string>& stack);
  template <typename Body>
  void each_matrix(const Body& body);
  void reserve(int64_t rows, int64_t lanes);
  void go(Team& team, const Job& job);
  void embed(int64_t token, float* x) const;
  void norm_row(const float* x, const float* norm, int64_t columns, float* to) const;
  void attend(Team& team, const Job& job, int64_t index);
  void feed_forward(Team& team, const Job& job, int64_t index);
  void place_heads(Team& team, const Job& job, int64_t index);
  const float* turned(const Layer& layer, const Job& job, int64_t row, const float* head,
                      const float* norm, float* to) const;
  Input input_of(Team& team, const Job& job, const float* x, const float* norm, int64_t columns);
  Input plain_input(Team& team, const Job& job, const float* x, const float* norm,
                    int64_t columns);
  struct Part {
    const Matrix& matrix;
    float* y;
  };
  // Groups [begin, end) of one product.
  void multiply(const Team& team, const Matrix& matrix, const Input& input, float* y,
                int64_t begin, int64_t end);
  // The middles of the matrices' shares, before multiply() of any of them.
  void make_middles(Team& team, std::initializer_list<const Matrix*> matrices, const Input& input);
  // Rows [first, last) of y += the share of an adapter.
  void add_share(const Team& team, const Matrix& matrix, const Input& input, float* y,
                 int64_t first, int64_t last);
  // Products of one input, shared among the lanes. `next` is the matrix that comes after them: its
  // first rows are asked for already.
  void multiply(Team& team, std::initializer_list<Part> parts, const Matrix& next,
                const Input& input);
  void add_product(Team& team, const Matrix& matrix, const Matrix& next, const Input& input);

  const DecoderConfig& config_;
  const Trunk& trunk_;
  const ops::cpu::KernelTable& kernels_;
  float epsilon_;
  std::vector<Layer> layers_;
  Matrix head_;
  int64_t columns_max_ = 0;

  std::vector<float> x_, part_;            // [rows, D]
  std::vector<float> q_, mixed_;           // [rows, H, Dh]
  std::vector<float> k_, v_;               // [rows, Hk, Dh]
  std::vector<float> gate_, up_, inner_;   // [rows, F]
  Rounded shared_;                         // of all rows
  std::vector<Rounded> own_;               // a lane's copy, where rows are fewer than lanes
  std::vector<std::vector<float>> spare_;  // a lane's: one normed row, or what a share adds
  std::array<std::vector<float>, 3> middles_;  // of the shares of one input
};

}  // namespace attune::engine::models
