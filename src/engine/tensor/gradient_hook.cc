#include "engine/tensor/gradient_hook.h"

#include "base/check.h"

#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <memory>

namespace attune::engine {
namespace {

class Hook : public torch::autograd::PostAccumulateGradHook {
 public:
  explicit Hook(std::function<void()> call) : call_(std::move(call)) {}
  void operator()(const torch::autograd::Variable&) override { call_(); }

 private:
  std::function<void()> call_;
};

}  // namespace

void after_gradient(const Tensor& leaf, std::function<void()> call) {
  CHECK(leaf.is_leaf() && leaf.requires_grad(), "a gradient hook on what has no gradient");
  std::unique_ptr<torch::autograd::PostAccumulateGradHook> hook;
  if (call) hook = std::make_unique<Hook>(std::move(call));
  torch::autograd::impl::set_post_acc_grad_hooks(leaf, std::move(hook));
}

}  // namespace attune::engine
