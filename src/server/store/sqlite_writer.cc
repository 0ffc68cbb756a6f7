#include "server/store/sqlite_writer.h"

#include "server/store/closure_guard.h"

namespace attune::store {
namespace {

// So that the first of a batch does not wait long for the last.
constexpr size_t kBatchMax = 256;

}  // namespace

SqliteWriter::SqliteWriter(const void* database, std::unique_ptr<SqliteConnection> connection)
    : database_(database), connection_(std::move(connection)), thread_([this] { serve(); }) {}

SqliteWriter::~SqliteWriter() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  arrived_.notify_one();
  thread_.join();
}

Status SqliteWriter::write(const Body& body) {
  Job job{.body = &body, .result = {}, .thrown = nullptr, .answered = {}};
  std::future<void> answered = job.answered.get_future();
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(&job);
  }
  arrived_.notify_one();
  answered.get();
  if (job.thrown) std::rethrow_exception(job.thrown);
  return job.result;
}

std::vector<SqliteWriter::Job*> SqliteWriter::wait_for_jobs() {
  std::unique_lock lock(mutex_);
  arrived_.wait(lock, [&] { return ending_ || !queue_.empty(); });
  std::vector<Job*> jobs;
  while (!queue_.empty() && jobs.size() < kBatchMax) {
    jobs.push_back(queue_.front());
    queue_.pop_front();
  }
  return jobs;
}

void SqliteWriter::serve() {
  const ClosureGuard guard(database_);
  for (auto jobs = wait_for_jobs(); !jobs.empty(); jobs = wait_for_jobs()) {
    write_together(jobs);
    for (Job* job : jobs) job->answered.set_value();
  }
}

// What breaks the whole transaction (a full disk, mostly) is the fault of one write; the others are
// tried again without it.
void SqliteWriter::write_together(std::span<Job* const> jobs) {
  const Status begun = connection_->command("BEGIN IMMEDIATE");
  if (!begun.ok()) {
    for (Job* job : jobs) job->result = begun.error();
    return;
  }
  const size_t ran = run_jobs(jobs);
  if (ran < jobs.size() || !connection_->in_transaction()) {
    if (jobs.size() > 1) write_alone(jobs);
    return;
  }
  const Status committed = connection_->command("COMMIT");
  if (committed.ok()) return;
  if (connection_->in_transaction()) (void)connection_->command("ROLLBACK");
  if (jobs.size() > 1) return write_alone(jobs);
  if (jobs.front()->succeeded()) jobs.front()->result = committed.error();
}

void SqliteWriter::write_alone(std::span<Job* const> jobs) {
  for (size_t i = 0; i < jobs.size(); ++i) write_together(jobs.subspan(i, 1));
}

size_t SqliteWriter::run_jobs(std::span<Job* const> jobs) {
  for (size_t i = 0; i < jobs.size(); ++i) {
    run_in_savepoint(*jobs[i]);
    if (!connection_->in_transaction()) return i + 1;
  }
  return jobs.size();
}

void SqliteWriter::run_in_savepoint(Job& job) {
  job.thrown = nullptr;
  job.result = connection_->command("SAVEPOINT job");
  if (!job.result.ok()) return;
  job.result = run_body(job);
  if (!connection_->in_transaction()) {
    if (job.succeeded()) {
      job.result = make_error(ErrorCode::kInternal, "the write ended the transaction by itself");
    }
    return;
  }
  if (!job.succeeded()) (void)connection_->command("ROLLBACK TO job");
  const Status released = connection_->command("RELEASE job");
  if (job.succeeded() && !released.ok()) job.result = released.error();
}

Status SqliteWriter::run_body(Job& job) {
  connection_->clear_failed();
  try {
    TRY((*job.body)(*connection_));
  } catch (...) {
    job.thrown = std::current_exception();
    return {};
  }
  if (!connection_->failed()) return {};
  return make_error(ErrorCode::kInternal, "a statement failed and the write went on");
}

}  // namespace attune::store
