#include "engine/ops/attention_fused.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <cmath>
#include <utility>

#include "engine/ops/attention_plan.h"
#include "engine/ops/cpu/kernels.h"
#include "engine/tensor/autograd.h"
#include "engine/tensor/parallel.h"

namespace attune::engine::ops {
namespace {

// What the graph keeps beside tensors.
struct Kept : torch::CustomClassHolder {
  std::shared_ptr<const AttentionPlan> plan;
  AttentionOptions options;
  double scale = 0;
};

cpu::AttentionProblem problem_of(const Tensor& q, const Tensor& k, const Tensor& v,
                                 const Kept& kept, Tensor& out, Tensor& log_sums) {
  cpu::AttentionProblem problem;
  problem.q = q.const_data_ptr<float>();
  problem.k = k.const_data_ptr<float>();
  problem.v = v.const_data_ptr<float>();
  problem.heads = q.size(1);
  problem.key_heads = k.size(1);
  problem.width = q.size(2);
  problem.scale = static_cast<float>(kept.scale);
  problem.window = kept.options.window;
  if (!kept.options.alibi_slopes.empty()) problem.alibi = kept.options.alibi_slopes.data();
  problem.alibi_scale = static_cast<float>(kept.options.alibi_scale);
  problem.out = out.data_ptr<float>();
  problem.log_sums = log_sums.data_ptr<float>();
  return problem;
}

// Calls body(lane, first task, last task, scratch) on the compute threads.
template <typename Body>
void on_lanes(const AttentionPlan& plan, int64_t width, const Body& body) {
  const int64_t lanes = lanes_for(static_cast<int64_t>(plan.tasks.size()), 1);
  const int64_t floats = cpu::kernels()->attention_scratch_floats(width);
  Tensor scratch = at::empty({lanes, floats});
  run_lanes(lanes, lanes, [&](int64_t lane, int64_t, int64_t) {
    body(lane, plan.lane_begin(lane, lanes), plan.lane_begin(lane + 1, lanes),
         scratch.data_ptr<float>() + lane * floats);
  });
}

// A lane whose first tasks continue a group that another lane began adds to rows of its own; they
// are summed afterwards, lane by lane.
struct PrivateRows {
  Tensor rows;  // [2, tokens of the tree, Dh]: d k, d v
  AttentionGroup group;
};

class KeyGradientSink {
 public:
  KeyGradientSink(const AttentionPlan& plan, Tensor& d_k, Tensor& d_v)
      : plan_(plan), d_k_(d_k), d_v_(d_v) {}

  bool begins_elsewhere(size_t first_task) const {
    return first_task > 0 && first_task < plan_.tasks.size() &&
           plan_.group_of[first_task - 1] == plan_.group_of[first_task];
  }

  PrivateRows private_rows(size_t first_task) const {
    const auto index = static_cast<size_t>(plan_.group_of[first_task]);
    const AttentionGroup& group = plan_.groups[index];
    return {at::zeros({2, group.token_count, d_k_.size(2)}, d_k_.options()), group};
  }

  cpu::KeyGradients shared(int64_t key_head) const {
    const int64_t width = d_k_.size(2);
    return {d_k_.data_ptr<float>() + key_head * width, d_v_.data_ptr<float>() + key_head * width,
            0, d_k_.size(1) * width};
  }

  static cpu::KeyGradients own(PrivateRows& p) {
    return {p.rows[0].data_ptr<float>(), p.rows[1].data_ptr<float>(), p.group.first_token,
            p.rows.size(2)};
  }

  void add(const PrivateRows& p) {
    const AttentionGroup& g = p.group;
    d_k_.narrow(0, g.first_token, g.token_count).select(1, g.key_head).add_(p.rows[0]);
    d_v_.narrow(0, g.first_token, g.token_count).select(1, g.key_head).add_(p.rows[1]);
  }

 private:
  const AttentionPlan& plan_;
  Tensor& d_k_;
  Tensor& d_v_;
};

class FusedAttention : public AutogradFunction<FusedAttention> {
 public:
  static Tensor forward(AutogradContext* ctx, const Tensor& q_in, const Tensor& k_in,
                        const Tensor& v_in, const c10::intrusive_ptr<Kept>& kept) {
    const Tensor q = q_in.contiguous(), k = k_in.contiguous(), v = v_in.contiguous();
    Tensor out = at::empty_like(q), log_sums = at::empty({q.size(0), q.size(1)}, q.options());
    const cpu::AttentionProblem problem = problem_of(q, k, v, *kept, out, log_sums);
    const AttentionPlan& plan = *kept->plan;
    on_lanes(plan, q.size(2), [&](int64_t, size_t first, size_t last, float* scratch) {
      for (size_t t = first; t < last; ++t) {
        cpu::kernels()->attention(problem, plan.tasks[t], scratch);
      }
    });
    ctx->saved_data["kept"] = at::IValue::make_capsule(kept);
    ctx->save_for_backward({q, k, v, out, log_sums});
    return out;
  }

  static TensorList backward(AutogradContext* ctx, const TensorList& grads) {
    const auto kept = c10::static_intrusive_pointer_cast<Kept>(ctx->saved_data["kept"].toCapsule());
    TensorList saved = ctx->get_saved_variables();
    const Tensor &q = saved[0], &k = saved[1], &v = saved[2];
    const Tensor d_out = grads[0].contiguous();
    const Tensor delta = (d_out * saved[3]).sum(at::IntArrayRef{-1});
    Tensor d_q = at::empty_like(q), d_k = at::zeros_like(k), d_v = at::zeros_like(v);
    cpu::AttentionProblem problem = problem_of(q, k, v, *kept, saved[3], saved[4]);
    problem.d_out = d_out.const_data_ptr<float>();
    problem.delta = delta.const_data_ptr<float>();
    problem.d_q = d_q.data_ptr<float>();
    run_backward(problem, *kept->plan, d_k, d_v);
    return {d_q, d_k, d_v, Tensor()};
  }

 private:
  static void run_backward(const cpu::AttentionProblem& problem, const AttentionPlan& plan,
                           Tensor& d_k, Tensor& d_v) {
    KeyGradientSink sink(plan, d_k, d_v);
    std::vector<PrivateRows> kept_apart(static_cast<size_t>(at::get_num_threads()));
    on_lanes(plan, problem.width, [&](int64_t lane, size_t first, size_t last, float* scratch) {
      size_t t = first;
      if (first < last && sink.begins_elsewhere(first)) {
        PrivateRows& apart = kept_apart[static_cast<size_t>(lane)];
        apart = sink.private_rows(first);
        const cpu::KeyGradients own = KeyGradientSink::own(apart);
        for (; t < last && plan.group_of[t] == plan.group_of[first]; ++t) {
          cpu::kernels()->attention_backward(problem, plan.tasks[t], own, scratch);
        }
      }
      for (; t < last; ++t) {
        cpu::kernels()->attention_backward(problem, plan.tasks[t],
                                           sink.shared(plan.tasks[t].key_head), scratch);
      }
    });
    for (const PrivateRows& apart : kept_apart) {
      if (apart.rows.defined()) sink.add(apart);
    }
  }
};

}  // namespace

bool fused_attention_fits(const Tensor& q, const Tensor& k, const Tensor& v) {
  const cpu::KernelTable* kernels = cpu::kernels();
  const auto plain_fp32 = [](const Tensor& x) {
    return x.is_cpu() && x.scalar_type() == at::kFloat;
  };
  return kernels != nullptr && plain_fp32(q) && plain_fp32(k) && plain_fp32(v) &&
         q.size(2) % kernels->lanes == 0 && v.size(2) == q.size(2);
}

Tensor tree_attention_fused(const Tensor& q, const Tensor& k, const Tensor& v,
                            const PackedLayout& layout, const AttentionOptions& options) {
  auto kept = c10::make_intrusive<Kept>();
  kept->plan = make_attention_plan(layout, k.size(1), options.window, at::get_num_threads());
  kept->options = options;
  kept->scale =
      options.scale != 0 ? options.scale : 1.0 / std::sqrt(static_cast<double>(q.size(2)));
  return FusedAttention::apply(q, k, v, kept);
}

}  // namespace attune::engine::ops
