#include "engine/comm/gradient_reducer.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros_like.h>

#include "engine/tensor/gradient_hook.h"

namespace attune::engine::comm {

GradientReducer::GradientReducer(Communicator& communicator, std::vector<Tensor> parameters,
                                 int64_t bucket_bytes)
    : communicator_(communicator), parameters_(std::move(parameters)) {
  if (communicator_.size() == 1) return;
  make_buckets(bucket_bytes);
  done_.assign(parameters_.size(), false);
  for (size_t i = 0; i < parameters_.size(); ++i) {
    after_gradient(parameters_[i], [this, i] {
      const std::lock_guard lock(mutex_);
      if (armed_) complete(i);
    });
  }
  thread_ = std::thread([this] { reduce_buckets(); });
}

GradientReducer::~GradientReducer() {
  if (!thread_.joinable()) return;
  for (const Tensor& parameter : parameters_) after_gradient(parameter, {});
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void GradientReducer::make_buckets(int64_t bucket_bytes) {
  bucket_of_.resize(parameters_.size());
  for (size_t at = parameters_.size(); at-- > 0;) {
    const int64_t elements = parameters_[at].numel();
    const auto bytes = static_cast<int64_t>(sizeof(float)) * elements;
    const bool full = !buckets_.empty() &&
                      static_cast<int64_t>(sizeof(float)) * buckets_.back().elements + bytes >
                          bucket_bytes;
    if (buckets_.empty() || full) buckets_.emplace_back();
    buckets_.back().members.push_back(at);
    buckets_.back().elements += elements;
    bucket_of_[at] = buckets_.size() - 1;
  }
}

void GradientReducer::begin() {
  if (communicator_.size() == 1) return;
  const std::lock_guard lock(mutex_);
  CHECK(!armed_ && !working_, "begin() before the last finish()");
  done_.assign(parameters_.size(), false);
  for (Bucket& bucket : buckets_) bucket.missing = bucket.members.size();
  armed_ = true;
  working_ = true;
}

// With the lock held.
void GradientReducer::complete(size_t parameter) {
  if (done_[parameter]) return;
  done_[parameter] = true;
  if (--buckets_[bucket_of_[parameter]].missing == 0) changed_.notify_all();
}

void GradientReducer::finish() {
  if (communicator_.size() == 1) return;
  if (!armed_) begin();
  std::unique_lock lock(mutex_);
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (!parameters_[i].grad().defined()) {
      const c10::NoGradGuard no_grad;
      parameters_[i].mutable_grad() = at::zeros_like(parameters_[i]);
    }
    complete(i);
  }
  armed_ = false;
  changed_.notify_all();
  changed_.wait(lock, [&] { return !working_; });
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

// The thread: the buckets of one pass after another, always in their order, as all ranks must.
void GradientReducer::reduce_buckets() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return stop_ || working_; });
    if (stop_) return;
    for (size_t at = 0; at < buckets_.size(); ++at) {
      changed_.wait(lock, [&] { return stop_ || buckets_[at].missing == 0; });
      if (stop_) return;
      lock.unlock();
      std::exception_ptr failure;
      try {
        if (!failure_) reduce(buckets_[at]);
      } catch (...) {
        failure = std::current_exception();
      }
      lock.lock();
      if (failure) failure_ = failure;
    }
    working_ = false;
    changed_.notify_all();
  }
}

// Gradients of other types than fp32 are summed in fp32.
void GradientReducer::reduce(const Bucket& bucket) {
  const c10::NoGradGuard no_grad;
  const auto device = parameters_[bucket.members.front()].device();
  Tensor flat = at::empty({bucket.elements}, at::TensorOptions(at::kFloat).device(device));
  int64_t begin = 0;
  for (size_t member : bucket.members) {
    const Tensor gradient = parameters_[member].grad();
    flat.narrow(0, begin, gradient.numel()).copy_(gradient.reshape({-1}));
    begin += gradient.numel();
  }
  communicator_.all_reduce(flat);
  begin = 0;
  for (size_t member : bucket.members) {
    Tensor gradient = parameters_[member].grad();
    gradient.copy_(flat.narrow(0, begin, gradient.numel()).view(gradient.sizes()));
    begin += gradient.numel();
  }
}

}  // namespace attune::engine::comm
