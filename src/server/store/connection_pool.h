// A fixed number of connections lent one at a time; who finds none waits. Thread-safe.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace attune::store {

template <typename C>
class ConnectionPool {
 public:
  class Lent {
   public:
    Lent(ConnectionPool& pool, std::unique_ptr<C> connection)
        : pool_(pool), connection_(std::move(connection)) {}
    ~Lent() { pool_.add(std::move(connection_)); }
    Lent(const Lent&) = delete;
    Lent& operator=(const Lent&) = delete;

    C& operator*() { return *connection_; }
    C* operator->() { return connection_.get(); }

   private:
    ConnectionPool& pool_;
    std::unique_ptr<C> connection_;
  };

  void add(std::unique_ptr<C> connection) {
    {
      const std::lock_guard lock(mutex_);
      idle_.push_back(std::move(connection));
    }
    returned_.notify_one();
  }

  Lent borrow() {
    std::unique_lock lock(mutex_);
    returned_.wait(lock, [&] { return !idle_.empty(); });
    auto connection = std::move(idle_.back());
    idle_.pop_back();
    return Lent(*this, std::move(connection));
  }

 private:
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<C>> idle_;
};

}  // namespace attune::store
