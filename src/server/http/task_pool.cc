#include "server/http/task_pool.h"

#include <algorithm>
#include <utility>

namespace attune::http {

TaskPool::TaskPool(int threads_max) : threads_max_(static_cast<size_t>(std::max(threads_max, 1))) {}

TaskPool::~TaskPool() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void TaskPool::submit(std::function<void()> task) {
  std::lock_guard lock(mutex_);
  tasks_.push_back(std::move(task));
  if (tasks_.size() > idle_ && threads_.size() < threads_max_) {
    threads_.emplace_back([this] { work(); });
  }
  wake_.notify_one();
}

void TaskPool::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    wake_.wait(lock, [this] { return stopping_ || !tasks_.empty(); });
    --idle_;
    if (tasks_.empty()) return;
    std::function<void()> task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
    task = nullptr;  // what it holds is let go before the next wait
    lock.lock();
  }
}

}  // namespace attune::http
