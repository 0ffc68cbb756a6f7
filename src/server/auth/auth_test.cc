#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>
#include <vector>

#include "server/auth/identity.h"
#include "server/auth/passwords.h"
#include "server/auth/secrets.h"
#include "server/auth/throttle.h"

namespace attune::auth {
namespace {

constexpr PasswordCost kCheap{.memory_kib = 64, .passes = 1};

TEST(Secrets, AreLongAndNeverTheSame) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const std::string secret = new_secret();
    EXPECT_EQ(secret.size(), 43u);
    EXPECT_EQ(secret.find_first_not_of(
                  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
              std::string::npos);
    seen.insert(secret);
  }
  EXPECT_EQ(seen.size(), 100u);
}

TEST(Secrets, CompareAndHash) {
  EXPECT_TRUE(same_secret("abc", "abc"));
  EXPECT_FALSE(same_secret("abc", "abd"));
  EXPECT_FALSE(same_secret("abc", "abcd"));
  EXPECT_FALSE(same_secret("", "abc"));
  EXPECT_EQ(hash_of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

// RFC 4648, section 10, and what tells the two alphabets apart.
TEST(Secrets, Base64) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", ""},          {"f", "Zg=="},        {"fo", "Zm8="},        {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : cases) EXPECT_EQ(to_base64(bytes), text);
  EXPECT_EQ(to_base64("\xfb\xff"), "+/8=");
  EXPECT_EQ(to_base64url("\xfb\xff"), "-_8");
}

TEST(Passwords, AreVerifiedByHashesThatHoldTheirParameters) {
  PasswordHasher hasher(kCheap);
  const std::string hash = hasher.hash("pässword").value();
  EXPECT_TRUE(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$")) << hash;
  EXPECT_NE(hasher.hash("pässword").value(), hash) << "another salt";
  EXPECT_TRUE(hasher.verify("pässword", hash).value());
  EXPECT_FALSE(hasher.verify("password", hash).value());
  EXPECT_FALSE(hasher.verify("pässword", "").value());
  EXPECT_FALSE(hasher.verify("pässword", "$2b$12$no.argon2.hash").value());
  EXPECT_FALSE(hasher.outdated(hash));
  PasswordHasher dearer({.memory_kib = 128, .passes = 2});
  EXPECT_TRUE(dearer.outdated(hash));
  EXPECT_TRUE(dearer.verify("pässword", hash).value()) << "by the hash's own parameters";
}

TEST(Passwords, OnlySoManyAreCheckedOrWaitAtOnce) {
  PasswordHasher full(kCheap, 0, 0);
  const auto refused = full.hash("password");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kUnavailable);
  PasswordHasher narrow(kCheap, 1, 100);
  const std::string hash = narrow.hash("password").value();
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] { right += narrow.verify("password", hash).value() ? 1 : 0; });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right.load(), 8) << "each has its turn";
}

TEST(Throttle, WaitsGrowUpToTheLongestAndAreForgotten) {
  int64_t now = 1'000'000'000;
  Throttle throttle({.free_by_name = 2, .free_by_address = 100, .longest_wait_us = 60'000'000},
                    [&] { return now; });
  const auto wait_s = [&throttle](const char* name, const char* address) {
    const int64_t seconds = throttle.begin(name, address);
    if (seconds == 0) throttle.abandoned(name, address);
    return seconds;
  };
  std::vector<int64_t> waits;
  for (int i = 0; i < 9; ++i) {
    throttle.failed("ann", "a");
    waits.push_back(wait_s("ann", "b"));
  }
  EXPECT_EQ(waits, (std::vector<int64_t>{0, 2, 4, 8, 16, 32, 60, 60, 60}));
  EXPECT_EQ(wait_s("bob", "b"), 0);
  now += 59'000'000;
  EXPECT_EQ(wait_s("ann", "b"), 1);
  now += 2'000'000;
  EXPECT_EQ(wait_s("ann", "b"), 0);
  throttle.failed("ann", "a");
  EXPECT_EQ(wait_s("ann", "b"), 0) << "counted anew after a long pause";
}

TEST(Throttle, AnAddressKeepsItsFailuresAfterASuccess) {
  int64_t now = 1'000'000'000;
  Throttle throttle({.free_by_name = 100, .free_by_address = 3}, [&] { return now; });
  for (int i = 0; i < 3; ++i) throttle.failed("name" + std::to_string(i), "a");
  throttle.succeeded("name0", "a");
  EXPECT_EQ(throttle.begin("other", "a"), 2);
  EXPECT_EQ(throttle.begin("other", "b"), 0);
}

// Guesses that come at once get no more tries than guesses one after another.
TEST(Throttle, TriesCountWhileTheyAreVerified) {
  int64_t now = 1'000'000'000;
  Throttle throttle({.free_by_name = 2, .free_by_address = 3}, [&] { return now; });
  EXPECT_EQ(throttle.begin("ann", "a"), 0);
  EXPECT_EQ(throttle.begin("ann", "a"), 0);
  EXPECT_EQ(throttle.begin("ann", "b"), 2) << "both free tries of the name are under way";
  EXPECT_EQ(throttle.begin("bob", "a"), 0);
  EXPECT_EQ(throttle.begin("eve", "a"), 2) << "all of the address's";
  throttle.failed("ann", "a");
  throttle.failed("ann", "a");
  EXPECT_EQ(throttle.begin("ann", "b"), 2);
  now += 2'000'000;
  EXPECT_EQ(throttle.begin("ann", "b"), 0);
  EXPECT_EQ(throttle.begin("ann", "b"), 2) << "one at a time from here on";
  throttle.abandoned("ann", "b");
  EXPECT_EQ(throttle.begin("ann", "b"), 0) << "given back";
  throttle.succeeded("ann", "b");
  EXPECT_EQ(throttle.begin("ann", "b"), 0);
  EXPECT_EQ(throttle.begin("ann", "b"), 0) << "forgiven after the right one";
}

TEST(Scopes, HaveNamesAndAnOrder) {
  for (const char* name : {"read", "write", "admin"}) {
    ASSERT_TRUE(scope_named(name).has_value());
    EXPECT_EQ(to_string(*scope_named(name)), name);
  }
  EXPECT_FALSE(scope_named("owner").has_value());
  EXPECT_LT(Scope::kRead, Scope::kWrite);
  EXPECT_LT(Scope::kWrite, Scope::kAdmin);
}

}  // namespace
}  // namespace attune::auth
