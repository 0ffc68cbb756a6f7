#include "server/auth/accounts.h"

#include <utility>

#include "server/auth/secrets.h"
#include "server/store/users.h"

namespace attune::auth {
namespace {

using store::Connection;

// The use of a key is written down at most this often: reading must not cost a write each time.
constexpr int64_t kNoteEvery_us = 10LL * 60 * 1'000'000;
constexpr size_t kShownPrefix = 12;  // "attune_" and 5 characters

std::string kind_name(Credential kind) {
  return kind == Credential::kCookie ? "cookie" : "bearer";
}

}  // namespace

Status check_dev_key(const std::string& dev_api_key, const std::string& address) {
  const bool loopback =
      address.starts_with("127.") || address == "::1" || address == "localhost";
  if (dev_api_key.empty() || loopback) return {};
  return invalid_input(
      "--dev_api_key is for this machine alone and the server would listen on {}: leave one of "
      "them out, or make a key of your own after the set-up",
      address);
}

Accounts::Accounts(store::Database& database, AccountOptions options)
    : database_(database),
      options_(std::move(options)),
      passwords_(options_.password_cost),
      throttle_(options_.throttle, options_.clock_us) {}

std::string Accounts::time_text(int64_t from_now_us) const {
  return domain::format_time(options_.clock_us() + from_now_us);
}

Result<std::optional<Identity>> Accounts::of_key(const std::string& key) {
  if (!options_.dev_api_key.empty() && same_secret(key, options_.dev_api_key)) {
    return of_dev_key();
  }
  const std::string hash = hash_of(key);
  auto found = TRY(database_.read(
      [&](Connection& connection) { return store::find_key_by_hash(connection, hash); }));
  if (!found) return std::optional<Identity>();
  if (found->key.expires_at && *found->key.expires_at <= time_text(0)) {
    return std::optional<Identity>();
  }
  TRY(note_use(found->key));
  Identity identity;
  identity.user = std::move(found->user);
  identity.credential = Credential::kKey;
  identity.scope = scope_named(found->key.scope).value_or(Scope::kRead);
  identity.key_id = found->key.id;
  return std::optional(std::move(identity));
}

Result<std::optional<Identity>> Accounts::of_dev_key() {
  auto owner = TRY(database_.read(store::first_owner));
  if (!owner) return std::optional<Identity>();
  Identity identity;
  identity.user = std::move(*owner);
  return std::optional(std::move(identity));
}

Status Accounts::note_use(const store::ApiKey& key) {
  const int64_t now = options_.clock_us();
  {
    const std::lock_guard lock(mutex_);
    auto [noted, is_new] = noted_us_.try_emplace(key.id, now);
    if (!is_new && now - noted->second < kNoteEvery_us) return {};
    noted->second = now;
  }
  const std::string before = domain::format_time(now - kNoteEvery_us);
  if (key.last_used_at && *key.last_used_at > before) return {};
  return database_.write([&](Connection& connection) {
    return store::set_last_used(connection, key.id, domain::format_time(now));
  });
}

Result<std::optional<Identity>> Accounts::of_session(const std::string& token, Credential kind) {
  const std::string hash = hash_of(token);
  auto found = TRY(database_.read(
      [&](Connection& connection) { return store::find_session_by_hash(connection, hash); }));
  if (!found || found->session.kind != kind_name(kind) ||
      found->session.expires_at <= time_text(0)) {
    return std::optional<Identity>();
  }
  Identity identity;
  identity.user = std::move(found->user);
  identity.credential = kind;
  identity.session = found->session.hash;
  identity.csrf_token = found->session.csrf_token;
  return std::optional(std::move(identity));
}

Result<Login> Accounts::log_in(const std::string& username, const std::string& password,
                               const std::string& address, Credential kind) {
  Login login;
  login.seconds = throttle_.wait_s(username, address);
  if (login.seconds > 0) {
    login.outcome = Login::kLater;
    return login;
  }
  std::optional<domain::User> user;
  std::string hash;
  const Status known = database_.read([&](Connection& connection) -> Status {
    user = TRY(store::find_user_named(connection, username));
    if (user) hash = TRY(store::password_hash_of(connection, user->id));
    return {};
  });
  TRY(known);
  if (!TRY(passwords_.verify(password, hash))) {
    throttle_.failed(username, address);
    return login;
  }
  throttle_.succeeded(username);
  if (passwords_.outdated(hash)) {
    const std::string renewed = TRY(passwords_.hash(password));
    TRY(database_.write([&](Connection& connection) {
      return store::set_password(connection, user->id, renewed);
    }));
  }
  return open_session(*user, kind);
}

Result<Login> Accounts::open_session(const domain::User& user, Credential kind) {
  Login login;
  login.outcome = Login::kOpened;
  login.token = new_secret();
  login.csrf_token = kind == Credential::kCookie ? new_secret() : "";
  login.seconds = options_.session_us / 1'000'000;
  login.user = user;
  const store::Session session{hash_of(login.token), user.id, login.csrf_token, kind_name(kind),
                               time_text(options_.session_us)};
  const std::string now = time_text(0);
  const Status stored = database_.write([&](Connection& connection) -> Status {
    TRY(store::delete_expired_sessions(connection, now));
    return store::insert_session(connection, session);
  });
  TRY(stored);
  return login;
}

Status Accounts::log_out(const std::string& session_hash) {
  return database_.write([&](Connection& connection) {
    return store::delete_session(connection, session_hash);
  });
}

Result<std::string> Accounts::hash_password(const std::string& password) {
  return passwords_.hash(password);
}

Accounts::NewKey Accounts::new_key(const std::string& user_id, const std::string& name,
                                   Scope scope, std::optional<std::string> expires_at) {
  NewKey made;
  made.secret = new_api_key();
  made.key.id = domain::new_id();
  made.key.user_id = user_id;
  made.key.hash = hash_of(made.secret);
  made.key.prefix = made.secret.substr(0, kShownPrefix);
  made.key.name = name;
  made.key.scope = to_string(scope);
  made.key.expires_at = std::move(expires_at);
  made.key.inserted_at = domain::now();
  return made;
}

Status Accounts::prepare() {
  const int64_t users = TRY(database_.read(store::count_users));
  if (users > 0) return {};
  if (options_.dev_api_key.empty()) {
    const std::lock_guard lock(mutex_);
    setup_token_ = new_secret();
    return {};
  }
  const std::string now = domain::now();
  const domain::User owner{domain::new_id(), "argilla",           "argilla", std::nullopt,
                           domain::Role::kOwner, now, now};
  const domain::Workspace workspace{domain::new_id(), "argilla", now, now};
  return database_.write([&](Connection& connection) -> Status {
    TRY(store::insert_user(connection, owner, ""));
    TRY(store::insert_workspace(connection, workspace));
    return store::insert_member(connection, workspace.id, owner.id);
  });
}

std::string Accounts::setup_token() const {
  const std::lock_guard lock(mutex_);
  return setup_token_;
}

bool Accounts::is_setup_token(const std::string& token) const {
  const std::string expected = setup_token();
  return !expected.empty() && same_secret(token, expected);
}

void Accounts::setup_done() {
  const std::lock_guard lock(mutex_);
  setup_token_.clear();
}

}  // namespace attune::auth
