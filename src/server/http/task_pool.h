// Runs tasks on threads that are started as they are needed, up to a number. Tasks wait in order.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace attune::http {

class TaskPool {
 public:
  explicit TaskPool(int threads_max);
  ~TaskPool();  // finishes what was submitted
  TaskPool(const TaskPool&) = delete;
  TaskPool& operator=(const TaskPool&) = delete;

  // From any thread. A task must not throw.
  void submit(std::function<void()> task);

 private:
  void work();

  const size_t threads_max_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_;
  size_t idle_ = 0;  // threads that wait for a task
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace attune::http
