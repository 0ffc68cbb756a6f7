// The kernels of one instruction set by name; table.cc puts them into its KernelTable.
#pragma once

#include "engine/ops/cpu/kernels.h"

namespace attune::engine::ops::cpu::ATTUNE_KERNELS {

void softmax_rows(const SoftmaxRows& job, int64_t begin, int64_t end);
void rms_norm(const NormRows& job, float* y, int64_t begin, int64_t end);
void rms_norm_backward(const NormRows& job, const float* d_y, float* d_x, float* d_weight,
                       int64_t begin, int64_t end);
void swiglu(const float* gate, const float* up, float* y, int64_t count);
void swiglu_backward(const float* gate, const float* up, const float* d_y, float* d_gate,
                     float* d_up, int64_t count);
void rotate(const RotaryRows& job, float* y, int64_t begin, int64_t end);

int64_t attention_scratch_floats(int64_t width);
void attention(const AttentionProblem& problem, const AttentionTask& task, float* scratch);
void attention_backward(const AttentionProblem& problem, const AttentionTask& task,
                        const KeyGradients& gradients, float* scratch);

MatrixTile matrix_tile();
void pack_rows(const MatrixProduct& job, int64_t begin, int64_t end, float* panels);
void pack_columns(const MatrixProduct& job, int64_t column, float* panel);
void multiply_packed(const MatrixProduct& job, const float* panels, int64_t begin, int64_t end,
                     const float* panel, int64_t column, const float* next);
void few_rows_product(const FewRowsProduct& job, int64_t begin, int64_t end);

void attend_cached(const CachedQuery& query);

void quantize_input(const float* x, int64_t blocks, int16_t* wide, int8_t* planes, float* steps,
                    float* sums);
#if defined(__AVX2__)
void product_q8_0(const QuantizedRows& w, const QuantizedInput& x, float* y, int64_t begin,
                  int64_t end);
void product_q4_0(const QuantizedRows& w, const QuantizedInput& x, float* y, int64_t begin,
                  int64_t end);
void product_q4_1(const QuantizedRows& w, const QuantizedInput& x, float* y, int64_t begin,
                  int64_t end);
#endif

extern const KernelTable table;

}  // namespace attune::engine::ops::cpu::ATTUNE_KERNELS
