#include "engine/ops/recompute.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <torch/csrc/autograd/autograd.h>

#include <utility>

#include "engine/tensor/autograd.h"

namespace attune::engine::ops {
namespace {

using Region = std::function<Tensor(const Tensor&)>;

// What the graph keeps of a region: freed with the graph, so captured tensors do not outlive it.
struct RegionHolder : torch::CustomClassHolder {
  explicit RegionHolder(Region r) : region(std::move(r)) {}
  Region region;
};

class Recompute : public AutogradFunction<Recompute> {
 public:
  // `anchor` requires grad, so that the node exists even when x does not.
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& /*anchor*/,
                        const Region& region) {
    ctx->saved_data["region"] =
        at::IValue::make_capsule(c10::make_intrusive<RegionHolder>(region));
    ctx->saved_data["x_trains"] = x.requires_grad();
    ctx->save_for_backward({x});
    return region(x);
  }

  static TensorList backward(AutogradContext* ctx, const TensorList& grads) {
    auto holder = c10::static_intrusive_pointer_cast<RegionHolder>(
        ctx->saved_data["region"].toCapsule());
    const bool x_trains = ctx->saved_data["x_trains"].toBool();
    Tensor x = ctx->get_saved_variables()[0].detach();
    x.set_requires_grad(x_trains);
    Tensor y;
    {
      at::AutoGradMode recording(true);
      y = holder->region(x);
    }
    if (y.requires_grad()) torch::autograd::backward({y}, {grads[0]});
    return {x_trains ? x.grad() : Tensor(), Tensor(), Tensor()};
  }
};

}  // namespace

Tensor recompute(const Region& region, const Tensor& x) {
  if (!at::GradMode::is_enabled()) return region(x);
  Tensor anchor = at::empty({0}).set_requires_grad(true);
  return Recompute::apply(x, anchor, region);
}

}  // namespace attune::engine::ops
