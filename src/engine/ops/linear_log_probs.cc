#include "engine/ops/linear_log_probs.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "base/check.h"
#include "engine/ops/logit_chunks.h"
#include "engine/tensor/autograd.h"

namespace attune::engine::ops {
namespace {

// A request for log-probs, without the tensors that train.
struct Request {
  Tensor rows;
  Tensor targets;
  LogProbOptions options;
  RowOutputs* out = nullptr;  // filled by the forward pass
  bool hidden_trains = false;
  bool weight_trains = false;
};

// Calls body(first row of the chunk, rows in it) over 0..rows.
template <typename Body>
void each_chunk(int64_t rows, int64_t chunk_rows, const Body& body) {
  for (int64_t begin = 0; begin < rows; begin += chunk_rows) {
    body(begin, std::min(chunk_rows, rows - begin));
  }
}

// Adds row gradients [R, D] to the rows of a zero [N, D] in the hidden states' own type.
Tensor scatter_rows(const Tensor& row_gradients, const Tensor& rows, int64_t tokens,
                    at::ScalarType type) {
  Tensor full = at::zeros({tokens, row_gradients.size(1)}, row_gradients.options());
  full.index_add_(0, rows, row_gradients);
  return full.to(type);
}

class LinearLogProbs : public AutogradFunction<LinearLogProbs> {
 public:
  static Tensor forward(AutogradContext* ctx, const Tensor& hidden, const Tensor& weight,
                        const std::optional<Tensor>& bias, const Request& request) {
    const int64_t count = request.rows.size(0);
    LogitHead head(weight, bias.value_or(Tensor()), count, request.options);
    const bool keeps = request.weight_trains && !bias.has_value() && head.holds_all(count);
    Tensor unit;        // d log p / d hidden row
    Tensor unit_logit;  // d log p / d logit
    if (request.hidden_trains) {
      unit = at::empty({count, hidden.size(1)}, hidden.options().dtype(head.logit_type()));
    }
    each_chunk(count, head.chunk_rows(), [&](int64_t begin, int64_t size) {
      Tensor& chunk = head.logits(head.gather(hidden, request.rows.narrow(0, begin, size)));
      Tensor minus_one;
      if (request.hidden_trains || keeps) minus_one = at::full({size}, -1.0, chunk.options());
      softmax_rows(chunk, request.targets.narrow(0, begin, size), minus_one, request.options,
                   request.out->at(begin, size));
      if (unit.defined()) unit.narrow(0, begin, size).copy_(head.hidden_gradient(chunk));
      if (keeps) unit_logit = chunk;
    });
    remember(ctx, hidden, weight, bias.value_or(Tensor()), unit, unit_logit, request);
    return request.out->log_probs;
  }

  static TensorList backward(AutogradContext* ctx, const TensorList& grads) {
    const TensorList saved = ctx->get_saved_variables();
    const Tensor &unit = saved[0], &rows = saved[1], &hidden = saved[3];
    const Tensor outer = grads[0];
    Tensor d_hidden, d_weight, d_bias;
    if (unit.defined()) {
      d_hidden = scatter_rows(unit * outer.unsqueeze(1), rows, hidden.size(0),
                              hidden.scalar_type());
    }
    if (ctx->saved_data["weight_trains"].toBool()) weight_gradients(ctx, outer, d_weight, d_bias);
    return {d_hidden, d_weight, d_bias, Tensor()};
  }

 private:
  static void remember(AutogradContext* ctx, const Tensor& hidden, const Tensor& weight,
                       const Tensor& bias, const Tensor& unit, const Tensor& unit_logit,
                       const Request& request) {
    ctx->save_for_backward({unit, request.rows, request.targets, hidden, weight, bias, unit_logit});
    const LogProbOptions& o = request.options;
    ctx->saved_data["options"] =
        std::vector<double>{o.temperature, static_cast<double>(o.chunk_rows), o.logit_softcap,
                            o.logit_scale};
    ctx->saved_data["weight_trains"] = request.weight_trains;
  }

  // Recomputes the logits chunk by chunk, unless their gradient was kept: the outer gradient was
  // not known before.
  static void weight_gradients(AutogradContext* ctx, const Tensor& outer, Tensor& d_weight,
                               Tensor& d_bias) {
    const TensorList saved = ctx->get_saved_variables();
    const Tensor &rows = saved[1], &targets = saved[2], &hidden = saved[3], &weight = saved[4];
    const std::vector<double> kept = ctx->saved_data["options"].toDoubleVector();
    LogProbOptions options;
    options.temperature = kept[0];
    options.chunk_rows = static_cast<int64_t>(kept[1]);
    options.logit_softcap = kept[2];
    options.logit_scale = kept[3];
    LogitHead head(weight, saved[5], rows.size(0), options);
    if (const Tensor& unit_logit = saved[6]; unit_logit.defined()) {
      const Tensor scaled = head.gather(hidden, rows).mul_(outer.unsqueeze(1));
      head.add_weight_gradient(unit_logit, scaled, d_weight, d_bias);
      d_weight = d_weight.to(weight.scalar_type());
      return;
    }
    RowOutputs ignored = make_row_outputs(rows.size(0), weight, options);
    const Tensor minus_outer = outer.neg();
    each_chunk(rows.size(0), head.chunk_rows(), [&](int64_t begin, int64_t size) {
      const Tensor part = head.gather(hidden, rows.narrow(0, begin, size));
      Tensor& chunk = head.logits(part);
      softmax_rows(chunk, targets.narrow(0, begin, size), minus_outer.narrow(0, begin, size),
                   options, ignored.at(begin, size));
      head.add_weight_gradient(chunk, part, d_weight, d_bias);
    });
    if (d_weight.defined()) d_weight = d_weight.to(weight.scalar_type());
    if (d_bias.defined()) d_bias = d_bias.to(saved[5].scalar_type());
  }
};

class LinearNll : public AutogradFunction<LinearNll> {
 public:
  static Tensor forward(AutogradContext* ctx, const Tensor& hidden, const Tensor& weight,
                        const std::optional<Tensor>& bias, const Request& request,
                        const Tensor& row_weights) {
    const int64_t count = request.rows.size(0);
    LogitHead head(weight, bias.value_or(Tensor()), count, request.options);
    Tensor d_rows, d_weight, d_bias, weights;
    if (request.hidden_trains) {
      d_rows = at::empty({count, hidden.size(1)}, hidden.options().dtype(head.logit_type()));
    }
    each_chunk(count, head.chunk_rows(), [&](int64_t begin, int64_t size) {
      const Tensor part = head.gather(hidden, request.rows.narrow(0, begin, size));
      Tensor& chunk = head.logits(part);
      if (request.hidden_trains || request.weight_trains) {
        weights = row_weights.narrow(0, begin, size);
      }
      softmax_rows(chunk, request.targets.narrow(0, begin, size), weights, request.options,
                   request.out->at(begin, size));
      if (d_rows.defined()) d_rows.narrow(0, begin, size).copy_(head.hidden_gradient(chunk));
      if (request.weight_trains) head.add_weight_gradient(chunk, part, d_weight, d_bias);
    });
    Tensor d_hidden;
    if (d_rows.defined()) {
      d_hidden = scatter_rows(d_rows, request.rows, hidden.size(0), hidden.scalar_type());
    }
    if (d_weight.defined()) d_weight = d_weight.to(weight.scalar_type());
    if (d_bias.defined()) d_bias = d_bias.to(bias->scalar_type());
    ctx->save_for_backward({d_hidden, d_weight, d_bias});
    const Tensor& log_probs = request.out->log_probs;
    return log_probs.neg().dot(row_weights.to(log_probs.scalar_type()));
  }

  static TensorList backward(AutogradContext* ctx, const TensorList& grads) {
    TensorList saved = ctx->get_saved_variables();
    // Backward from the loss itself: the gradients are final, and autograd may keep the tensors.
    const bool unscaled = grads[0].is_cpu() && grads[0].item<double>() == 1.0;
    for (Tensor& gradient : saved) {
      if (!gradient.defined() || unscaled) continue;
      gradient = gradient * grads[0].to(gradient.scalar_type());
    }
    return {saved[0], saved[1], saved[2], Tensor(), Tensor()};
  }
};

void check_request(const Tensor& hidden, const Tensor& weight, const Tensor& rows,
                   const Tensor& targets) {
  CHECK(hidden.dim() == 2 && weight.dim() == 2 && hidden.size(1) == weight.size(1),
        "hidden and weight disagree");
  CHECK(rows.dim() == 1 && rows.sizes() == targets.sizes(), "{} rows, {} targets", rows.numel(),
        targets.numel());
}

Request make_request(const Tensor& hidden, const Tensor& weight, const Tensor& bias,
                     const Tensor& rows, const Tensor& targets, const LogProbOptions& options,
                     RowOutputs* out) {
  check_request(hidden, weight, rows, targets);
  return {rows.to(hidden.device()), targets.to(hidden.device()), options, out,
          records_grad({hidden}), records_grad({weight, bias})};
}

std::optional<Tensor> if_defined(const Tensor& tensor) {
  return tensor.defined() ? std::optional<Tensor>(tensor) : std::nullopt;
}

std::optional<Tensor> on_cpu(const Tensor& tensor) {
  return tensor.defined() ? std::optional<Tensor>(tensor.to(at::kCPU)) : std::nullopt;
}

}  // namespace

LogProbs linear_log_probs(const Tensor& hidden, const Tensor& weight, const Tensor& bias,
                          const Tensor& rows, const Tensor& targets,
                          const LogProbOptions& options) {
  RowOutputs out = make_row_outputs(rows.size(0), weight, options);
  const Request request = make_request(hidden, weight, bias, rows, targets, options, &out);
  Tensor log_probs = LinearLogProbs::apply(hidden, weight, if_defined(bias), request);
  return {log_probs.to(at::kCPU), on_cpu(out.entropy), on_cpu(out.correct),
          on_cpu(out.log_sum_squares)};
}

WeightedNll linear_nll(const Tensor& hidden, const Tensor& weight, const Tensor& bias,
                       const Tensor& rows, const Tensor& targets, const Tensor& row_weights,
                       const LogProbOptions& options) {
  RowOutputs out = make_row_outputs(rows.size(0), weight, options);
  const Request request = make_request(hidden, weight, bias, rows, targets, options, &out);
  CHECK(row_weights.sizes() == rows.sizes(), "{} weights for {} rows", row_weights.numel(),
        rows.numel());
  Tensor loss = LinearNll::apply(hidden, weight, if_defined(bias), request,
                                 row_weights.detach().to(hidden.device()));
  return {loss.to(at::kCPU), out.log_probs.to(at::kCPU), on_cpu(out.entropy),
          on_cpu(out.correct)};
}

}  // namespace attune::engine::ops
