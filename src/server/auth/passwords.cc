#include "server/auth/passwords.h"

#include <argon2.h>

#include <vector>

#include "server/domain/identity.h"

namespace attune::auth {
namespace {

constexpr uint32_t kLanes = 1;
constexpr uint32_t kSaltBytes = 16;
constexpr uint32_t kHashBytes = 32;

}  // namespace

// A place among the hashes that are computed at once.
class PasswordHasher::Turn {
 public:
  explicit Turn(PasswordHasher& hasher) : hasher_(hasher) {
    std::unique_lock lock(hasher_.mutex_);
    if (hasher_.running_ >= hasher_.at_once_ && hasher_.waiting_ >= hasher_.waiting_most_) return;
    ++hasher_.waiting_;
    hasher_.freed_.wait(lock, [&] { return hasher_.running_ < hasher_.at_once_; });
    --hasher_.waiting_;
    ++hasher_.running_;
    taken_ = true;
  }
  ~Turn() {
    if (!taken_) return;
    {
      const std::lock_guard lock(hasher_.mutex_);
      --hasher_.running_;
    }
    hasher_.freed_.notify_one();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  Status status() const {
    if (taken_) return {};
    return Error(ErrorCode::kUnavailable, "too many passwords are being checked; try again");
  }

 private:
  PasswordHasher& hasher_;
  bool taken_ = false;
};

PasswordHasher::PasswordHasher(PasswordCost cost, int at_once, int waiting)
    : cost_(cost), at_once_(at_once), waiting_most_(waiting) {}

Result<std::string> PasswordHasher::hash(const std::string& password) {
  const Turn turn(*this);
  TRY(turn.status());
  const std::string salt = domain::random_bytes(kSaltBytes);
  std::vector<char> encoded(argon2_encodedlen(cost_.passes, cost_.memory_kib, kLanes, kSaltBytes,
                                              kHashBytes, Argon2_id));
  const int code = argon2id_hash_encoded(cost_.passes, cost_.memory_kib, kLanes, password.data(),
                                         password.size(), salt.data(), salt.size(), kHashBytes,
                                         encoded.data(), encoded.size());
  if (code != ARGON2_OK) {
    return Error(ErrorCode::kUnavailable,
                 fmt::format("a password could not be hashed: {}", argon2_error_message(code)));
  }
  return std::string(encoded.data());
}

Result<bool> PasswordHasher::verify(const std::string& password, const std::string& hash) {
  if (hash.empty()) {
    TRY(this->hash(password));
    return false;
  }
  const Turn turn(*this);
  TRY(turn.status());
  const int code = argon2id_verify(hash.c_str(), password.data(), password.size());
  if (code == ARGON2_MEMORY_ALLOCATION_ERROR) {
    return Error(ErrorCode::kUnavailable, "no memory to check a password");
  }
  return code == ARGON2_OK;
}

bool PasswordHasher::outdated(const std::string& hash) const {
  return !hash.starts_with(
      fmt::format("$argon2id$v=19$m={},t={},p={}$", cost_.memory_kib, cost_.passes, kLanes));
}

}  // namespace attune::auth
