#include "server/http/socket.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace attune::http {
namespace {

constexpr int kBacklog = 1024;

std::string text_of(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&address);
    inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
  } else if (address.ss_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&address);
    const bool mapped = IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr);
    const void* bytes = mapped ? &v6->sin6_addr.s6_addr[12] : &v6->sin6_addr.s6_addr[0];
    inet_ntop(mapped ? AF_INET : AF_INET6, bytes, text, sizeof text);
  }
  return text;
}

Error cannot_listen(const std::string& address, int port, int error) {
  const char* advice = "give another --host";
  if (error == EADDRINUSE) advice = "another program uses it: stop that one or give another --port";
  if (error == EACCES) advice = "ports below 1024 are kept for root: give another --port";
  return io_error("cannot listen on {}:{}: {}; {}", address, port, std::strerror(error), advice);
}

class PlainTransport : public Transport {
 public:
  explicit PlainTransport(int fd) : fd_(fd) {}

  Transfer read(char* bytes, size_t size) override {
    return outcome(retried([&] { return recv(fd_, bytes, size, 0); }),
                   Transfer::Outcome::kWaitRead);
  }
  Transfer write(std::string_view bytes) override {
    return outcome(retried([&] { return send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL); }),
                   Transfer::Outcome::kWaitWrite);
  }
  bool pending() const override { return false; }
  void finish() override { shutdown(fd_, SHUT_WR); }

 private:
  template <typename F>
  static ssize_t retried(F call) {
    ssize_t moved;
    do moved = call();
    while (moved < 0 && errno == EINTR);
    return moved;
  }
  static Transfer outcome(ssize_t moved, Transfer::Outcome wait) {
    if (moved > 0) return {Transfer::Outcome::kMoved, static_cast<size_t>(moved)};
    if (moved == 0) return {Transfer::Outcome::kEnded, 0};
    return {errno == EAGAIN || errno == EWOULDBLOCK ? wait : Transfer::Outcome::kBroken, 0};
  }

  int fd_;
};

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

void Descriptor::reset() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

Result<Descriptor> listen_on(const std::string& address, int port) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int failed = getaddrinfo(address.c_str(), std::to_string(port).c_str(), &wanted, &found);
  if (failed != 0) {
    return invalid_input("cannot listen on {}: {}; give an address of this machine by --host",
                         address, gai_strerror(failed));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, freeaddrinfo);
  Descriptor listener(socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!listener.valid()) return cannot_listen(address, port, errno);
  const int on = 1;
  setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener.get(), found->ai_addr, found->ai_addrlen) != 0 ||
      listen(listener.get(), kBacklog) != 0) {
    return cannot_listen(address, port, errno);
  }
  return listener;
}

Result<int> port_of(const Descriptor& listener) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return io_error("cannot read the port: {}", std::strerror(errno));
  }
  const bool v6 = address.ss_family == AF_INET6;
  return ntohs(v6 ? reinterpret_cast<const sockaddr_in6*>(&address)->sin6_port
                  : reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
}

Accepted accept_from(const Descriptor& listener) {
  sockaddr_storage address{};
  for (;;) {
    socklen_t size = sizeof address;
    const int fd = accept4(listener.get(), reinterpret_cast<sockaddr*>(&address), &size,
                           SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      // A connection that broke before it was accepted is no reason to stop accepting.
      if (errno == EINTR || errno == ECONNABORTED || errno == EPROTO) continue;
      return {Descriptor(), "", errno == EMFILE || errno == ENFILE};
    }
    const int on = 1;  // answers are written whole: waiting to join small packets only delays them
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return {Descriptor(fd), text_of(address), false};
  }
}

std::unique_ptr<Transport> plain_transport(int fd) { return std::make_unique<PlainTransport>(fd); }

}  // namespace attune::http
