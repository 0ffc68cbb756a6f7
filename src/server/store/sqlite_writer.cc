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
  Job job{.body = &body, .result = {}, .thrown = nullptr};
  std::shared_future<void> answer;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.empty() || waiting_.back()->jobs.size() == kBatchMax) {
      waiting_.push_back(std::make_unique<Batch>());
    }
    waiting_.back()->jobs.push_back(&job);
    answer = waiting_.back()->answer;
  }
  arrived_.notify_one();
  answer.wait();
  if (job.thrown) std::rethrow_exception(job.thrown);
  return job.result;
}

std::unique_ptr<SqliteWriter::Batch> SqliteWriter::wait_for_batch() {
  std::unique_lock lock(mutex_);
  arrived_.wait(lock, [&] { return ending_ || !waiting_.empty(); });
  if (waiting_.empty()) return nullptr;
  auto batch = std::move(waiting_.front());
  waiting_.pop_front();
  return batch;
}

void SqliteWriter::serve() {
  const ClosureGuard guard(database_);
  while (const auto batch = wait_for_batch()) {
    write_together(batch->jobs);
    batch->answered.set_value();
  }
}

bool SqliteWriter::begin(Jobs jobs) {
  const Status begun = connection_->command("BEGIN IMMEDIATE");
  if (begun.ok()) return true;
  for (Job* job : jobs) {
    job->thrown = nullptr;  // of a first pass that was taken back
    job->result = begun.error();
  }
  return false;
}

void SqliteWriter::write_together(Jobs jobs) {
  if (!begin(jobs)) return;
  for (Job* job : jobs) {
    run(*job);
    if (!connection_->in_transaction()) return broken_by(*job, jobs);
    if (job->succeeded() || !connection_->wrote()) continue;
    (void)connection_->command("ROLLBACK");
    if (jobs.size() > 1) write_in_savepoints(jobs);
    return;
  }
  commit(jobs);
}

void SqliteWriter::write_in_savepoints(Jobs jobs) {
  if (!begin(jobs)) return;
  for (Job* job : jobs) {
    run_in_savepoint(*job);
    if (!connection_->in_transaction()) return broken_by(*job, jobs);
  }
  commit(jobs);
}

void SqliteWriter::write_alone(Jobs jobs) {
  for (size_t i = 0; i < jobs.size(); ++i) write_together(jobs.subspan(i, 1));
}

// What breaks the whole transaction (a full disk, mostly) may be the fault of one write: each is
// tried again by itself, that one too.
void SqliteWriter::broken_by(Job& job, Jobs jobs) {
  if (job.succeeded()) {
    job.result = make_error(ErrorCode::kInternal, "the write ended the transaction by itself");
  }
  if (jobs.size() > 1) write_alone(jobs);
}

void SqliteWriter::commit(Jobs jobs) {
  const Status committed = connection_->command("COMMIT");
  if (committed.ok()) return;
  if (connection_->in_transaction()) (void)connection_->command("ROLLBACK");
  if (jobs.size() > 1) return write_alone(jobs);
  if (jobs.front()->succeeded()) jobs.front()->result = committed.error();
}

void SqliteWriter::run_in_savepoint(Job& job) {
  const Status saved = connection_->command("SAVEPOINT job");
  if (!saved.ok()) {
    job.thrown = nullptr;
    job.result = saved;
    return;
  }
  run(job);
  if (!connection_->in_transaction()) return;
  if (!job.succeeded()) (void)connection_->command("ROLLBACK TO job");
  const Status released = connection_->command("RELEASE job");
  if (job.succeeded() && !released.ok()) job.result = released.error();
}

void SqliteWriter::run(Job& job) {
  job.thrown = nullptr;
  job.result = run_body(job);
}

Status SqliteWriter::run_body(Job& job) {
  connection_->clear_marks();
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
