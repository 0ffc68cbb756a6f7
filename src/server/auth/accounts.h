// Who may come in: passwords, sessions, API keys, the development key and the first owner. One
// object for the life of a server; thread-safe. What is stored are hashes (store/credentials.h).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "base/result.h"
#include "server/auth/identity.h"
#include "server/auth/passwords.h"
#include "server/auth/throttle.h"
#include "server/domain/identity.h"
#include "server/store/credentials.h"
#include "server/store/database.h"
#include "server/store/settings_generation.h"

namespace attune::auth {

struct AccountOptions {
  // A key that stands for the first owner, and for that owner's password, for development: a server
  // that is reached from beyond this machine refuses it (check_dev_key). "": none.
  std::string dev_api_key = "";
  int64_t session_us = 24LL * 3600 * 1'000'000;
  bool secure_cookies = false;  // under TLS, here or at a proxy
  PasswordCost password_cost = {};
  ThrottleRule throttle = {};
  std::function<int64_t()> clock_us = domain::now_us;
};

// An error where a development key is set and others than this machine could use it: `address` is
// no loopback address, or a proxy brings in who comes from elsewhere.
Status check_dev_key(const std::string& dev_api_key, const std::string& address,
                     bool behind_proxy);

struct Login {
  enum Outcome { kOpened, kWrong, kLater };
  Outcome outcome = kWrong;
  std::string token;       // the cookie's value or the bearer token; stored as a hash
  std::string csrf_token;  // of a cookie
  int64_t seconds = 0;     // until it expires; with kLater: until the next try
  domain::User user;
};

class Accounts {
 public:
  Accounts(store::Database& database, AccountOptions options);

  // Nobody: an unknown or expired credential. Keys and sessions that were seen are kept in memory
  // while the settings' generation stands: each call asks the data base for that number, so that a
  // key that was revoked anywhere is worth nothing from then on.
  Result<std::optional<Identity>> of_key(const std::string& key);
  Result<std::optional<Identity>> of_session(const std::string& token, Credential kind);

  // Whether this is the user's password, without a session; guessing is slowed down (throttle.h).
  Result<Login> check_password(const std::string& username, const std::string& password,
                               const std::string& address);
  // check_password, then open_session.
  Result<Login> log_in(const std::string& username, const std::string& password,
                       const std::string& address, Credential kind);
  Result<Login> open_session(const domain::User& user, Credential kind);
  Status log_out(const std::string& session_hash);

  Result<std::string> hash_password(const std::string& password);

  // A new key of that user, shown to nobody yet: `key` is to be stored (store::insert_api_key),
  // `secret` is for its owner's eyes, once.
  struct NewKey {
    store::ApiKey key;
    std::string secret;
  };
  static NewKey new_key(const std::string& user_id, const std::string& name, Scope scope,
                        std::optional<std::string> expires_at);

  // Before serving. With no user at all: makes the token of the one-time set-up link (each start
  // and each server its own; all are worth nothing once there is an owner) or, with a development
  // key, the owner `argilla` with a workspace of that name, as the SDK's examples expect them.
  Status prepare();
  // "" where nothing is to be set up.
  std::string setup_token() const;
  bool is_setup_token(const std::string& token) const;
  void setup_done();

  const AccountOptions& options() const { return options_; }

 private:
  static constexpr size_t kKept = 10'000;  // keys, and as many sessions
  Result<std::optional<Identity>> of_dev_key();
  Result<bool> is_password(const std::optional<domain::User>& user, const std::string& password);
  Status note_use(const store::ApiKey& key);
  std::string time_text(int64_t from_now_us) const;

  store::Database& database_;
  AccountOptions options_;
  const std::string dev_key_hash_;  // "" without one, which is the hash of nothing
  store::KeptSettings<std::string, store::KeyAndUser> keys_{kKept};
  store::KeptSettings<std::string, store::SessionAndUser> sessions_{kKept};
  PasswordHasher passwords_;
  Throttle throttle_;
  mutable std::mutex mutex_;
  std::string setup_token_;
  std::map<std::string, int64_t> noted_us_;  // key id -> when its use was last written
};

}  // namespace attune::auth
