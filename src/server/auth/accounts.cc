#include "server/auth/accounts.h"

#include <memory>
#include <utility>

#include "server/auth/secrets.h"
#include "server/store/users.h"

namespace attune::auth {
namespace {

using store::Connection;

// The use of a key is written down at most this often: reading must not cost a write each time.
constexpr int64_t kNoteEvery_us = 10LL * 60 * 1'000'000;
constexpr size_t kShownPrefix = 12;  // "attune_" and 5 characters

// The credential with this hash and its owner, out of memory where they are kept at the generation
// that stands; nullptr: there is none. `generation` is set to the one at which this was so.
template <typename T, typename Find>
Result<std::shared_ptr<const T>> credential_with(store::Database& database,
                                                 store::KeptSettings<std::string, T>& kept,
                                                 const std::string& hash, Find&& find,
                                                 int64_t& generation) {
  using Found = std::shared_ptr<const T>;
  generation = TRY(store::settings_generation(database));
  if (Found known = kept.find(generation, hash)) return known;
  return database.read([&](Connection& connection) -> Result<Found> {
    generation = TRY(store::settings_generation(connection));
    auto read = TRY(find(connection, hash));
    if (!read) return Found();
    const auto found = std::make_shared<const T>(std::move(*read));
    kept.keep(generation, hash, found);
    return Found(found);
  });
}

std::string kind_name(Credential kind) {
  return kind == Credential::kCookie ? "cookie" : "bearer";
}

}  // namespace

Status check_dev_key(const std::string& dev_api_key, const std::string& address,
                     bool behind_proxy) {
  if (dev_api_key.empty()) return {};
  if (behind_proxy) {
    return invalid_input(
        "--dev_api_key is for this machine alone and with --behind_proxy the proxy brings in "
        "others: leave one of them out, or make a key of your own after the set-up");
  }
  const bool loopback =
      address.starts_with("127.") || address == "::1" || address == "localhost";
  if (loopback) return {};
  return invalid_input(
      "--dev_api_key is for this machine alone and the server would listen on {}: leave one of "
      "them out, or make a key of your own after the set-up",
      address);
}

Accounts::Accounts(store::Database& database, AccountOptions options)
    : database_(database),
      options_(std::move(options)),
      dev_key_hash_(options_.dev_api_key.empty() ? "" : hash_of(options_.dev_api_key)),
      passwords_(options_.password_cost),
      throttle_(options_.throttle, options_.clock_us) {}

std::string Accounts::time_text(int64_t from_now_us) const {
  return domain::format_time(options_.clock_us() + from_now_us);
}

Result<std::optional<Identity>> Accounts::of_key(const std::string& key) {
  const std::string hash = hash_of(key);
  if (hash == dev_key_hash_) return of_dev_key();
  Identity identity;
  const auto found = TRY(credential_with(database_, keys_, hash, store::find_key_by_hash,
                                         identity.generation));
  if (!found) return std::optional<Identity>();
  if (found->key.expires_at && *found->key.expires_at <= time_text(0)) {
    return std::optional<Identity>();
  }
  TRY(note_use(found->key));
  identity.user = found->user;
  identity.credential = Credential::kKey;
  identity.scope = scope_named(found->key.scope).value_or(Scope::kRead);
  identity.key_id = found->key.id;
  return std::optional(std::move(identity));
}

Result<std::optional<Identity>> Accounts::of_dev_key() {
  return database_.read([](Connection& connection) -> Result<std::optional<Identity>> {
    auto owner = TRY(store::first_owner(connection));
    if (!owner) return std::optional<Identity>();
    Identity identity;
    identity.user = std::move(*owner);
    identity.generation = TRY(store::settings_generation(connection));
    return std::optional(std::move(identity));
  });
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
  Identity identity;
  const auto found = TRY(credential_with(database_, sessions_, hash_of(token),
                                         store::find_session_by_hash, identity.generation));
  if (!found || found->session.kind != kind_name(kind) ||
      found->session.expires_at <= time_text(0)) {
    return std::optional<Identity>();
  }
  identity.user = found->user;
  identity.credential = kind;
  identity.session = found->session.hash;
  identity.csrf_token = found->session.csrf_token;
  return std::optional(std::move(identity));
}

Result<Login> Accounts::check_password(const std::string& username, const std::string& password,
                                       const std::string& address) {
  Login login;
  login.seconds = throttle_.begin(username, address);
  if (login.seconds > 0) {
    login.outcome = Login::kLater;
    return login;
  }
  auto user = database_.read(
      [&](Connection& connection) { return store::find_user_named(connection, username); });
  const Result<bool> right = user.ok() ? is_password(*user, password) : user.error();
  if (!right.ok()) {
    throttle_.abandoned(username, address);
    return right.error();
  }
  if (!*right) {
    throttle_.failed(username, address);
    return login;
  }
  throttle_.succeeded(username, address);
  login.outcome = Login::kOpened;
  login.user = std::move(**user);
  return login;
}

Result<bool> Accounts::is_password(const std::optional<domain::User>& user,
                                   const std::string& password) {
  if (user && hash_of(password) == dev_key_hash_) {
    const auto owner = TRY(database_.read(store::first_owner));
    if (owner && owner->id == user->id) return true;
  }
  std::string hash;
  if (user) {
    hash = TRY(database_.read([&](Connection& connection) {
      return store::password_hash_of(connection, user->id);
    }));
  }
  if (!TRY(passwords_.verify(password, hash))) return false;
  if (passwords_.outdated(hash)) {
    const std::string renewed = TRY(passwords_.hash(password));
    // Verifying is slow: a password that was set meanwhile stays.
    const auto renew = [&](Connection& connection) -> Status {
      if (TRY(store::password_hash_of(connection, user->id)) != hash) return {};
      return store::set_password(connection, user->id, renewed);
    };
    TRY(database_.write(renew));
  }
  return true;
}

Result<Login> Accounts::log_in(const std::string& username, const std::string& password,
                               const std::string& address, Credential kind) {
  Login login = TRY(check_password(username, password, address));
  if (login.outcome != Login::kOpened) return login;
  return open_session(login.user, kind);
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
