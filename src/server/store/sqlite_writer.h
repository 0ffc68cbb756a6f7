// The one thread that writes to an SQLite file. Writes that wait are run in one transaction, each
// in its own savepoint, and share one commit (one fsync); they are answered after it. Alone, a
// write waits for nobody. Thread-safe.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "server/store/sqlite_connection.h"

namespace attune::store {

class SqliteWriter {
 public:
  // `database` is what the closures must not call again (closure_guard.h).
  SqliteWriter(const void* database, std::unique_ptr<SqliteConnection> connection);
  ~SqliteWriter();  // finishes what waits
  SqliteWriter(const SqliteWriter&) = delete;
  SqliteWriter& operator=(const SqliteWriter&) = delete;

  using Body = std::function<Status(Connection&)>;
  // Returns when `body` is on the disk or taken back; throws what `body` threw.
  Status write(const Body& body);

 private:
  struct Job {
    const Body* body;
    Status result;
    std::exception_ptr thrown;
    std::promise<void> answered;  // result and thrown are set
    bool succeeded() const { return result.ok() && thrown == nullptr; }
  };

  void serve();
  // The jobs that wait, at most one batch of them; empty when the writer ends.
  std::vector<Job*> wait_for_jobs();
  void write_together(std::span<Job* const> jobs);
  void write_alone(std::span<Job* const> jobs);
  // Runs the jobs up to the first that ends the whole transaction, and gives their number.
  size_t run_jobs(std::span<Job* const> jobs);
  void run_in_savepoint(Job& job);
  Status run_body(Job& job);

  const void* const database_;
  const std::unique_ptr<SqliteConnection> connection_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Job*> queue_;
  bool ending_ = false;
  std::thread thread_;  // last: it uses the others
};

}  // namespace attune::store
