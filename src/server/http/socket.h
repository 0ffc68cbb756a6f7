// Sockets of the server: listening, accepting, and the bytes of one connection, plain or by TLS.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace attune::http {

// Owns a file descriptor.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor() { reset(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  void reset();

 private:
  int fd_ = -1;
};

// Binds and listens, without blocking; `address` is a number or a name, `port` 0 a free one. The
// error names both and what to do.
Result<Descriptor> listen_on(const std::string& address, int port);
Result<int> port_of(const Descriptor& listener);

struct Accepted {
  Descriptor socket;  // invalid where nobody waits
  std::string address;
  bool exhausted = false;  // the process has no descriptor left
};
Accepted accept_from(const Descriptor& listener);

// What a read or write came to.
struct Transfer {
  enum class Outcome { kMoved, kWaitRead, kWaitWrite, kEnded, kBroken };
  Outcome outcome = Outcome::kBroken;
  size_t bytes = 0;  // > 0 where kMoved
};

// The bytes of one connection; never blocks, used by one thread.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual Transfer read(char* bytes, size_t size) = 0;
  virtual Transfer write(std::string_view bytes) = 0;
  // Bytes that read() would give although the socket has none.
  virtual bool pending() const = 0;
  // Says that nothing more will be written.
  virtual void finish() = 0;
};

std::unique_ptr<Transport> plain_transport(int fd);  // does not own it

// Certificate and key of a server.
class TlsContext {
 public:
  // The error names the file.
  static Result<std::unique_ptr<TlsContext>> load(const std::string& certificate_path,
                                                  const std::string& key_path);
  virtual ~TlsContext() = default;
  virtual std::unique_ptr<Transport> transport(int fd) const = 0;
};

}  // namespace attune::http
