// The one thread that writes to an SQLite file. Writes that wait are run in one transaction and
// share one commit (one fsync); they are answered after it. Where one fails after it has changed
// something, the batch is taken back and run again, each write in a savepoint of its own: that is
// rare, and savepoints cost every write a copy of each page it touches. Alone, a write waits for
// nobody. Thread-safe.
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
    bool succeeded() const { return result.ok() && thrown == nullptr; }
  };
  using Jobs = std::span<Job* const>;
  struct Batch {
    std::vector<Job*> jobs;
    std::promise<void> answered;  // results of all are set; one call wakes all who wait
    std::shared_future<void> answer = answered.get_future().share();
  };

  void serve();
  // The writes that wait, at most kBatchMax of them; nullptr when the writer ends.
  std::unique_ptr<Batch> wait_for_batch();
  void write_together(Jobs jobs);
  void write_in_savepoints(Jobs jobs);
  void write_alone(Jobs jobs);
  bool begin(Jobs jobs);
  void commit(Jobs jobs);
  // The job ended the whole transaction.
  void broken_by(Job& job, Jobs jobs);
  void run_in_savepoint(Job& job);
  void run(Job& job);
  Status run_body(Job& job);

  const void* const database_;
  const std::unique_ptr<SqliteConnection> connection_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<std::unique_ptr<Batch>> waiting_;
  bool ending_ = false;
  std::thread thread_;  // last: it uses the others
};

}  // namespace attune::store
