#include <gtest/gtest.h>

#include "base/check.h"
#include "base/nearest.h"
#include "base/result.h"
#include "base/sha256.h"

namespace attune {
namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return invalid_input("{} is odd; give an even number", n);
  return n / 2;
}

Result<int> quarter(int n) {
  return half(TRY(half(n)));
}

TEST(Result, TryReturnsTheFirstError) {
  EXPECT_EQ(quarter(12).value(), 3);
  Result<int> failed = quarter(6);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code(), ErrorCode::kInvalidInput);
  EXPECT_EQ(failed.error().message(), "3 is odd; give an even number");
}

TEST(Result, ContextIsPutBeforeTheMessage) {
  EXPECT_EQ(quarter(1).error().with_context("numbers.txt:7").message(),
            "numbers.txt:7: 1 is odd; give an even number");
}

TEST(ResultDeathTest, ReadingTheMissingSideAborts) {
  EXPECT_DEATH(half(3).value(), "3 is odd");
  EXPECT_DEATH((void)half(4).error(), "holds a value");
}

TEST(CheckDeathTest, PrintsConditionAndMessage) {
  int tokens = 3;
  EXPECT_DEATH(CHECK(tokens == 4, "{} tokens", tokens), "tokens == 4.*base_test.cc.*3 tokens");
}

// Digests of FIPS 180-2, appendix B.
TEST(Sha256, MatchesThePublishedVectors) {
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(NearestName, FindsSwapsAndMissingLetters) {
  std::vector<std::string> names = {"learning_rate", "lora_r", "max_length", "max_steps"};
  EXPECT_EQ(nearest_name("learning_rat", names), "learning_rate");
  EXPECT_EQ(nearest_name("max_lenght", names), "max_length");
  EXPECT_EQ(nearest_name("colour_of_the_sky", names), "");
}

}  // namespace
}  // namespace attune
