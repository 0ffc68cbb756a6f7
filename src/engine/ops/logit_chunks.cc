#include "engine/ops/logit_chunks.h"

#include <ATen/ops/addmm.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "engine/ops/cpu/kernels.h"
#include "engine/ops/matrix_product.h"
#include "engine/tensor/parallel.h"

namespace attune::engine::ops {

RowOutputs RowOutputs::at(int64_t begin, int64_t count) const {
  RowOutputs part;
  part.log_probs = log_probs.narrow(0, begin, count);
  if (entropy.defined()) part.entropy = entropy.narrow(0, begin, count);
  if (correct.defined()) part.correct = correct.narrow(0, begin, count);
  if (log_sum_squares.defined()) {
    part.log_sum_squares = log_sum_squares.narrow(0, begin, count);
  }
  return part;
}

RowOutputs make_row_outputs(int64_t rows, const Tensor& like, const LogProbOptions& options) {
  const auto type = like.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const auto wide = like.options().dtype(type).requires_grad(false);
  RowOutputs out;
  out.log_probs = at::empty({rows}, wide);
  if (options.entropy) out.entropy = at::empty({rows}, wide);
  if (options.accuracy) out.correct = at::empty({rows}, wide.dtype(at::kBool));
  if (options.log_sum_squares) out.log_sum_squares = at::empty({rows}, wide);
  return out;
}

void softmax_rows_reference(Tensor& logits, const Tensor& targets, const Tensor& row_weights,
                            const LogProbOptions& options, const RowOutputs& out) {
  double slope = options.logit_scale / options.temperature;
  Tensor bend;  // 1 - tanh^2 of the softcap
  if (options.logit_softcap > 0) {
    Tensor saturated = at::tanh(logits * (options.logit_scale / options.logit_softcap));
    logits.copy_(saturated * (options.logit_softcap / options.temperature));
    bend = 1 - saturated * saturated;
  } else if (slope != 1.0) {
    logits.mul_(slope);
  }
  if (out.correct.defined()) out.correct.copy_(at::argmax(logits, 1) == targets);
  logits.sub_(at::logsumexp(logits, at::IntArrayRef{1}, /*keepdim=*/true));
  const Tensor column = targets.unsqueeze(1);
  out.log_probs.copy_(logits.gather(1, column).squeeze(1));
  if (out.entropy.defined()) {
    out.entropy.copy_((logits.exp() * logits).sum(at::IntArrayRef{1}).neg());
  }
  if (out.log_sum_squares.defined()) {
    out.log_sum_squares.copy_(at::logsumexp(logits * 2, at::IntArrayRef{1}));
  }
  if (!row_weights.defined()) return;
  logits.exp_();
  logits.scatter_add_(1, column, at::zeros(column.sizes(), logits.options()).fill_(-1));
  logits.mul_(row_weights.to(logits.scalar_type()).unsqueeze(1) * slope);
  if (bend.defined()) logits.mul_(bend);
}

void softmax_rows(Tensor& logits, const Tensor& targets, const Tensor& row_weights,
                  const LogProbOptions& options, const RowOutputs& out) {
  const bool fits = cpu::kernels() != nullptr && logits.is_cpu() && logits.is_contiguous() &&
                    logits.scalar_type() == at::kFloat && options.logit_softcap == 0 &&
                    !out.log_sum_squares.defined();
  if (!fits) return softmax_rows_reference(logits, targets, row_weights, options, out);
  const Tensor ids = targets.contiguous();
  Tensor weights;
  if (row_weights.defined()) weights = row_weights.to(at::kFloat).contiguous();
  cpu::SoftmaxRows job;
  job.logits = logits.data_ptr<float>();
  job.columns = logits.size(1);
  job.targets = ids.const_data_ptr<int64_t>();
  if (weights.defined()) job.row_weights = weights.const_data_ptr<float>();
  job.slope = static_cast<float>(options.logit_scale / options.temperature);
  job.log_probs = out.log_probs.data_ptr<float>();
  if (out.entropy.defined()) job.entropy = out.entropy.data_ptr<float>();
  if (out.correct.defined()) job.correct = out.correct.data_ptr<bool>();
  const int64_t rows = logits.size(0);
  run_lanes(lanes_for(rows, 1), rows, [&](int64_t, int64_t begin, int64_t end) {
    cpu::kernels()->softmax_rows(job, begin, end);
  });
}

LogitHead::LogitHead(const Tensor& weight, const Tensor& bias, int64_t rows,
                     const LogProbOptions& options)
    : weight_(weight.detach()),
      logit_type_(weight.scalar_type() == at::kDouble ? at::kDouble : at::kFloat) {
  // Chunks of nearly equal size: each reads the whole weight, however few its rows are.
  const int64_t chunks = std::max<int64_t>(1, (rows + options.chunk_rows - 1) / options.chunk_rows);
  chunk_rows_ = std::max<int64_t>(1, (rows + chunks - 1) / chunks);
  // On a CPU the product runs in fp32 even for bf16 weights: bf16 products are slow without
  // hardware support, and the copy is one [V, D], not [R, V].
  if (weight.is_cpu()) weight_ = weight_.to(logit_type_);
  if (bias.defined()) bias_ = bias.detach().to(weight_.scalar_type());
}

Tensor LogitHead::gather(const Tensor& hidden, const Tensor& rows) const {
  return hidden.detach().index_select(0, rows).to(weight_.scalar_type());
}

Tensor& LogitHead::logits(const Tensor& hidden) {
  if (!buffer_.defined()) {
    buffer_ = at::empty({chunk_rows_, weight_.size(0)}, weight_.options().dtype(logit_type_));
  }
  chunk_ = buffer_.narrow(0, 0, hidden.size(0));
  if (weight_.scalar_type() != logit_type_) {  // a GPU's products of bf16 have sums in fp32
    at::mm_out(chunk_, hidden, weight_.t(), logit_type_);
    if (bias_.defined()) chunk_.add_(bias_);
  } else if (bias_.defined()) {
    at::addmm_out(chunk_, bias_, hidden, weight_.t());
  } else {
    product_out(chunk_, hidden, weight_.t());
  }
  return chunk_;
}

Tensor LogitHead::hidden_gradient(const Tensor& d_logits) const {
  return product(d_logits.to(weight_.scalar_type()), weight_).to(logit_type_);
}

void LogitHead::add_weight_gradient(const Tensor& d_logits, const Tensor& hidden,
                                    Tensor& weight_gradient, Tensor& bias_gradient) const {
  if (!weight_gradient.defined()) {
    const Tensor outer = d_logits.to(weight_.scalar_type());
    weight_gradient = product(outer.t(), hidden).to(logit_type_);
  } else if (weight_.scalar_type() == logit_type_) {
    add_product(weight_gradient, d_logits.t(), hidden);
  } else {
    weight_gradient.add_(product(d_logits.to(weight_.scalar_type()).t(), hidden));
  }
  if (!bias_.defined()) return;
  const Tensor sums = d_logits.sum(at::IntArrayRef{0});
  bias_gradient = bias_gradient.defined() ? bias_gradient.add_(sums) : sums;
}

}  // namespace attune::engine::ops
