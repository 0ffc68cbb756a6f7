// Passwords as Argon2id hashes (RFC 9106), their parameters inside the hash. One hash takes tens of
// milliseconds and megabytes by design, so only a few are computed at once and only a few more may
// wait: a flood of logins must not take the server's threads.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>

#include "base/result.h"

namespace attune::auth {

// The defaults are OWASP's first choice for Argon2id: 19 MiB, 2 passes, 1 lane.
struct PasswordCost {
  uint32_t memory_kib = 19 * 1024;
  uint32_t passes = 2;
};

// Thread-safe. Every member gives kUnavailable when too many wait already.
class PasswordHasher {
 public:
  explicit PasswordHasher(PasswordCost cost, int at_once = 2, int waiting = 8);

  // "$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH", another one each time.
  Result<std::string> hash(const std::string& password);
  // False where it is not the password, or `hash` is none. An empty hash (nobody of that name, or
  // nobody with a password) takes as long as any other.
  Result<bool> verify(const std::string& password, const std::string& hash);
  // Whether the hash was made at another cost than ours: hash again at the next login.
  bool outdated(const std::string& hash) const;

 private:
  class Turn;
  PasswordCost cost_;
  const int at_once_, waiting_most_;
  std::mutex mutex_;
  std::condition_variable freed_;
  int running_ = 0, waiting_ = 0;
};

}  // namespace attune::auth
