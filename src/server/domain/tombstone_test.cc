#include "server/domain/tombstone.h"

#include <gtest/gtest.h>

#include "server/domain/snapshot.h"

namespace attune::domain {
namespace {

TEST(Tombstone, IsToldFromWhatPeopleWroteUnderThatName) {
  EXPECT_TRUE(is_tombstone(tombstone_of("a secret")));
  EXPECT_EQ(to_line(tombstone_of("a secret")).find("secret"), std::string::npos);
  EXPECT_FALSE(is_tombstone({{"forgotten", "my keys"}}));
  EXPECT_FALSE(is_tombstone({{"forgotten", {{"value", "my keys"}}}}));
  EXPECT_FALSE(is_tombstone({{"forgotten", std::string(64, 'x')}}));
  OrderedJson more = tombstone_of("a secret");
  more["note"] = 1;
  EXPECT_FALSE(is_tombstone(more));
  EXPECT_FALSE(is_tombstone(nullptr));
}

// A question of that name does not keep a person's words in snapshots.
TEST(Tombstone, APersonsAnswersToAQuestionOfThatNameAreForgotten) {
  const std::string row = to_line(OrderedJson{
      {"id", "r"},
      {"responses",
       {{{"user_id", "u"},
         {"annotator", "ann"},
         {"values", {{"forgotten", {{"value", "my keys"}}}}},
         {"shown_order", nullptr}}}}});
  const auto left = without_person(row, "u").value();
  ASSERT_TRUE(left.has_value());
  EXPECT_EQ(left->find("my keys"), std::string::npos) << *left;
  EXPECT_EQ(left->find("ann\""), std::string::npos) << *left;
  EXPECT_FALSE(without_person(*left, "u").value().has_value()) << "nothing is left to forget";
}

}  // namespace
}  // namespace attune::domain
