#include "text/vocabulary.h"

#include <gtest/gtest.h>

namespace attune::text {
namespace {

TEST(Vocabulary, FindsWhatWasAdded) {
  Vocabulary vocabulary;
  for (int32_t id = 0; id < 5000; ++id) {
    ASSERT_TRUE(vocabulary.add("token" + std::to_string(id), id * 2));
  }
  EXPECT_EQ(vocabulary.size(), 5000U);
  EXPECT_EQ(vocabulary.id_end(), 9999);
  for (int32_t id = 0; id < 5000; ++id) {
    EXPECT_EQ(vocabulary.find("token" + std::to_string(id)), id * 2);
    EXPECT_EQ(vocabulary.token(id * 2), "token" + std::to_string(id));
  }
  EXPECT_FALSE(vocabulary.find("token").has_value());
  EXPECT_FALSE(vocabulary.contains(1));
  EXPECT_EQ(vocabulary.token(1), "");
}

TEST(Vocabulary, RefusesDuplicatesAndIdsOutOfRange) {
  Vocabulary vocabulary;
  EXPECT_TRUE(vocabulary.add("", 3));
  EXPECT_EQ(vocabulary.find(""), 3);
  EXPECT_FALSE(vocabulary.add("", 4));
  EXPECT_FALSE(vocabulary.add("other", 3));
  EXPECT_FALSE(vocabulary.add("other", -1));
  EXPECT_FALSE(vocabulary.add("other", Vocabulary::kIdEnd));
  EXPECT_EQ(vocabulary.size(), 1U);
}

TEST(Vocabulary, LetsTheLastOfRepeatedTokensCountWhereAsked) {
  Vocabulary vocabulary;
  EXPECT_TRUE(vocabulary.add("a", 0));
  EXPECT_TRUE(vocabulary.add_repeated("a", 5));
  EXPECT_FALSE(vocabulary.add_repeated("b", 5));
  EXPECT_EQ(vocabulary.find("a"), 5);
  EXPECT_EQ(vocabulary.token(0), "a");
  for (int32_t id = 6; id < 500; ++id) ASSERT_TRUE(vocabulary.add(std::to_string(id), id));
  EXPECT_EQ(vocabulary.find("a"), 5);  // also after the table grew
}

}  // namespace
}  // namespace attune::text
