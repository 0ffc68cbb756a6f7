#include "server/http/server.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <utility>

#include "base/log.h"
#include "server/http/connection.h"
#include "server/http/response_text.h"
#include "server/http/task_pool.h"

namespace attune::http {
namespace {

constexpr uint64_t kListener = 0, kWake = 1, kFirstConnection = 2;
constexpr int kEventsInTurn = 256;
constexpr size_t kRefusedAtOnce = 256;      // connections over the limit that are told so
constexpr int64_t kAcceptPauseMs = 100;     // after the process ran out of descriptors

int64_t monotonic_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

std::string random_prefix() {
  std::random_device device;
  return fmt::format("{:08x}{:08x}", device(), device());
}

// A write to a socket that is gone is an error of that write, not the end of the process: TLS
// writes without MSG_NOSIGNAL, so the signal is kept from this thread, and one that came is taken.
class WithoutSigpipe {
 public:
  WithoutSigpipe() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~WithoutSigpipe() {
    const timespec none{};
    if (sigismember(&before_, SIGPIPE) == 0) {
      while (sigtimedwait(&pipe_, nullptr, &none) > 0) {
      }
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  WithoutSigpipe(const WithoutSigpipe&) = delete;
  WithoutSigpipe& operator=(const WithoutSigpipe&) = delete;

 private:
  sigset_t pipe_, before_;
};

}  // namespace

class Server::Loop {
 public:
  Loop(const ServerOptions& options, std::function<Response(Request&)> handle);
  ~Loop() { connections_.clear(); }  // writers of streams learn that nobody reads
  Status open(const ServerOptions& options);
  Status run(int64_t drain_ms);
  void wake();

  int port = 0;
  std::atomic<bool> stop_wanted = false;
  std::atomic<int64_t> open_connections = 0, requests = 0, in_flight = 0;
  ConnectionContext context;

 private:
  struct Entry {
    std::unique_ptr<Connection> connection;
    uint32_t watched = 0;
    int64_t deadline_ms = INT64_MAX;
  };
  struct Completion {
    uint64_t id;
    std::optional<Response> response;  // nothing: the connection's pipe has something
  };
  using Entries = std::map<uint64_t, Entry>;

  int wait_ms(int64_t now_ms) const;
  void watch(int operation, int fd, uint64_t id, uint32_t events) const;
  void accept_all(int64_t now_ms);
  void admit(Accepted accepted, int64_t now_ms);
  void on_event(const epoll_event& event, int64_t now_ms);
  void on_completions(int64_t now_ms);
  void respond(Connection& connection, uint64_t id, Response response, int64_t now_ms);
  void settle(Entries::iterator entry);
  void ask(uint64_t id, Connection::Asked asked);
  void complete(uint64_t id, std::optional<Response> response);
  void expire(int64_t now_ms);
  void begin_drain(int64_t now_ms, int64_t drain_ms);

  std::function<Response(Request&)> handle_;
  std::function<int64_t()> clock_ms_;
  const int streams_max_;
  std::unique_ptr<TlsContext> tls_;
  Descriptor listener_, epoll_, wake_;
  Entries connections_;
  std::set<std::pair<int64_t, uint64_t>> deadlines_;
  uint64_t next_id_ = kFirstConnection;
  int64_t accept_again_ms_ = INT64_MAX, drained_ms_ = INT64_MAX;
  std::mutex mutex_;
  std::vector<Completion> completions_;
  std::atomic<int> streams_ = 0;
  TaskPool workers_, streamers_;  // last: their tasks use all of the above
};

Server::Loop::Loop(const ServerOptions& options, std::function<Response(Request&)> handle)
    : handle_(std::move(handle)),
      clock_ms_(options.clock_ms ? options.clock_ms : monotonic_ms),
      streams_max_(options.stream_threads),
      workers_(options.threads),
      streamers_(options.stream_threads) {
  context.limits = options.limits;
  context.body_limit = options.body_limit;
  context.id_prefix = random_prefix();
}

Status Server::Loop::open(const ServerOptions& options) {
  if (options.certificate_path.empty() != options.key_path.empty()) {
    return usage_error("TLS needs both a certificate and its key");
  }
  if (!options.certificate_path.empty()) {
    tls_ = TRY(TlsContext::load(options.certificate_path, options.key_path));
  }
  listener_ = TRY(listen_on(options.address, options.port));
  port = TRY(port_of(listener_));
  epoll_ = Descriptor(epoll_create1(EPOLL_CLOEXEC));
  wake_ = Descriptor(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!epoll_.valid() || !wake_.valid()) {
    return io_error("cannot wait for connections: {}", std::strerror(errno));
  }
  watch(EPOLL_CTL_ADD, listener_.get(), kListener, EPOLLIN);
  watch(EPOLL_CTL_ADD, wake_.get(), kWake, EPOLLIN);
  return {};
}

void Server::Loop::watch(int operation, int fd, uint64_t id, uint32_t events) const {
  epoll_event event{};
  event.events = events;
  event.data.u64 = id;
  const int failed = epoll_ctl(epoll_.get(), operation, fd, &event);
  CHECK(failed == 0, "epoll_ctl: {}", std::strerror(errno));
}

void Server::Loop::wake() {
  const uint64_t one = 1;  // a full counter wakes as well: that the write fails then is no loss
  [[maybe_unused]] const ssize_t written = write(wake_.get(), &one, sizeof one);
}

int Server::Loop::wait_ms(int64_t now_ms) const {
  int64_t next = std::min(accept_again_ms_, drained_ms_);
  if (!deadlines_.empty()) next = std::min(next, deadlines_.begin()->first);
  if (next == INT64_MAX) return -1;
  return static_cast<int>(std::clamp<int64_t>(next - now_ms, 0, 60'000));
}

Status Server::Loop::run(int64_t drain_ms) {
  const WithoutSigpipe quiet;
  std::vector<epoll_event> events(kEventsInTurn);
  for (;;) {
    const int count =
        epoll_wait(epoll_.get(), events.data(), kEventsInTurn, wait_ms(clock_ms_()));
    if (count < 0 && errno != EINTR) return io_error("epoll_wait: {}", std::strerror(errno));
    const int64_t now_ms = clock_ms_();
    for (int i = 0; i < count; ++i) on_event(events[static_cast<size_t>(i)], now_ms);
    on_completions(now_ms);
    expire(now_ms);
    if (stop_wanted && !context.draining) begin_drain(now_ms, drain_ms);
    if (context.draining && (connections_.empty() || now_ms >= drained_ms_)) break;
  }
  if (!connections_.empty()) {
    log_warning("{} connections were not finished in {} ms and are cut", connections_.size(),
                drain_ms);
  }
  connections_.clear();
  deadlines_.clear();
  open_connections = 0;
  return {};
}

void Server::Loop::on_event(const epoll_event& event, int64_t now_ms) {
  if (event.data.u64 == kListener) return accept_all(now_ms);
  if (event.data.u64 == kWake) {
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(wake_.get(), &count, sizeof count);
    return;
  }
  const auto entry = connections_.find(event.data.u64);
  if (entry == connections_.end()) return;
  Connection& connection = *entry->second.connection;
  connection.advance(now_ms);
  // Both directions are gone while nothing is read or written: nobody waits for the answer.
  if ((event.events & (EPOLLHUP | EPOLLERR)) != 0 && !connection.wants_read() &&
      !connection.wants_write()) {
    connection.abandon();
  }
  settle(entry);
}

void Server::Loop::accept_all(int64_t now_ms) {
  for (;;) {
    Accepted accepted = accept_from(listener_);
    if (accepted.exhausted) {
      log_warning("no file descriptor is left for a connection; raise `ulimit -n`");
      watch(EPOLL_CTL_MOD, listener_.get(), kListener, 0);
      accept_again_ms_ = now_ms + kAcceptPauseMs;
    }
    if (!accepted.socket.valid()) return;
    admit(std::move(accepted), now_ms);
  }
}

void Server::Loop::admit(Accepted accepted, int64_t now_ms) {
  const size_t room = context.limits.connections;
  if (connections_.size() >= room + kRefusedAtOnce) {
    ++context.refused;
    return;
  }
  const int fd = accepted.socket.get();
  auto transport = tls_ ? tls_->transport(fd) : plain_transport(fd);
  auto connection = std::make_unique<Connection>(std::move(accepted.socket), std::move(transport),
                                                 std::move(accepted.address), context, now_ms);
  watch(EPOLL_CTL_ADD, fd, next_id_, 0);
  if (connections_.size() >= room) {
    connection->refuse(503, "The server has no room for another connection; try again", now_ms);
  } else {
    connection->advance(now_ms);
  }
  settle(connections_.emplace(next_id_++, Entry{std::move(connection)}).first);
}

// After anything happened to a connection: hands its request on, and brings what epoll and the
// deadlines know of it up to date.
void Server::Loop::settle(Entries::iterator entry) {
  auto& [id, state] = *entry;
  Connection& connection = *state.connection;
  if (auto asked = connection.take_request()) ask(id, std::move(*asked));
  const int64_t deadline = connection.deadline_ms();
  if (deadline != state.deadline_ms || connection.closed()) {
    deadlines_.erase({state.deadline_ms, id});
    if (deadline != INT64_MAX && !connection.closed()) deadlines_.emplace(deadline, id);
    state.deadline_ms = deadline;
  }
  if (connection.closed()) {
    connections_.erase(entry);
  } else {
    const uint32_t wanted = (connection.wants_read() ? uint32_t{EPOLLIN} : 0U) |
                            (connection.wants_write() ? uint32_t{EPOLLOUT} : 0U);
    if (wanted != state.watched) watch(EPOLL_CTL_MOD, connection.socket(), id, wanted);
    state.watched = wanted;
  }
  open_connections = static_cast<int64_t>(connections_.size());
}

void Server::Loop::ask(uint64_t id, Connection::Asked asked) {
  ++requests;
  ++in_flight;
  auto shared = std::make_shared<Connection::Asked>(std::move(asked));  // std::function copies
  workers_.submit([this, id, shared]() mutable {
    Response response;
    try {
      response = handle_(shared->request);
    } catch (const std::exception& failure) {
      log_error("request {}: {} {}: a mistake of Attune's: {}", shared->request.id,
                to_string(shared->request.method), shared->request.path, failure.what());
      response = refusal(500, "Internal Server Error");
    }
    shared.reset();  // its bytes count no more when the client has its answer
    --in_flight;
    complete(id, std::move(response));
  });
}

void Server::Loop::complete(uint64_t id, std::optional<Response> response) {
  bool first = false;
  {
    std::lock_guard lock(mutex_);
    first = completions_.empty();
    completions_.push_back({id, std::move(response)});
  }
  if (first) wake();
}

void Server::Loop::on_completions(int64_t now_ms) {
  std::vector<Completion> completions;
  {
    std::lock_guard lock(mutex_);
    completions.swap(completions_);
  }
  for (Completion& completion : completions) {
    const auto entry = connections_.find(completion.id);
    if (entry == connections_.end()) continue;  // the client is gone
    Connection& connection = *entry->second.connection;
    if (completion.response) {
      respond(connection, completion.id, std::move(*completion.response), now_ms);
    } else {
      connection.advance(now_ms);
    }
    settle(entry);
  }
}

void Server::Loop::respond(Connection& connection, uint64_t id, Response response,
                           int64_t now_ms) {
  if (!response.stream || connection.wants_no_body()) {
    return connection.respond(std::move(response), nullptr, now_ms);
  }
  if (streams_ >= streams_max_) {
    ++context.refused;
    return connection.respond(refusal(503, "The server sends too many streams; try again"),
                              nullptr, now_ms);
  }
  ++streams_;
  ++in_flight;
  auto pipe = std::make_shared<StreamPipe>([this, id] { complete(id, std::nullopt); });
  if (context.draining) pipe->stop();
  streamers_.submit([this, pipe, stream = std::move(response.stream)] {
    bool whole = true;
    try {
      stream(*pipe);
    } catch (const std::exception& failure) {
      log_error("a streamed body broke off: a mistake of Attune's: {}", failure.what());
      whole = false;
    }
    --streams_;
    --in_flight;
    pipe->finish(whole);
  });
  connection.respond(std::move(response), std::move(pipe), now_ms);
}

void Server::Loop::expire(int64_t now_ms) {
  if (now_ms >= accept_again_ms_ && listener_.valid()) {
    accept_again_ms_ = INT64_MAX;
    watch(EPOLL_CTL_MOD, listener_.get(), kListener, EPOLLIN);
  }
  while (!deadlines_.empty() && deadlines_.begin()->first <= now_ms) {
    const auto entry = connections_.find(deadlines_.begin()->second);
    CHECK(entry != connections_.end(), "a deadline without its connection");
    entry->second.connection->expire(now_ms);
    settle(entry);
  }
}

void Server::Loop::begin_drain(int64_t now_ms, int64_t drain_ms) {
  accept_all(now_ms);  // those who are through to us are served
  context.draining = true;
  drained_ms_ = now_ms + drain_ms;
  accept_again_ms_ = INT64_MAX;
  listener_.reset();
  for (auto entry = connections_.begin(); entry != connections_.end();) {
    const auto here = entry++;
    here->second.connection->drain(now_ms);
    settle(here);
  }
}

Server::Server(std::unique_ptr<Loop> loop) : loop_(std::move(loop)) {}
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::listen(const ServerOptions& options,
                                               std::function<Response(Request&)> handle) {
  auto loop = std::make_unique<Loop>(options, std::move(handle));
  TRY(loop->open(options));
  return std::unique_ptr<Server>(new Server(std::move(loop)));
}

int Server::port() const { return loop_->port; }
Status Server::run(int64_t drain_ms) { return loop_->run(drain_ms); }
void Server::wake() { loop_->wake(); }

void Server::stop() {
  loop_->stop_wanted = true;
  loop_->wake();
}

ServerCounts Server::counts() const {
  return {loop_->open_connections,  loop_->requests,         loop_->in_flight,
          loop_->context.refused,   loop_->context.timeouts, loop_->context.received_bytes};
}

}  // namespace attune::http
