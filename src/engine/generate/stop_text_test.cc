#include "engine/generate/stop_text.h"

#include <gtest/gtest.h>

namespace attune::engine::generate {
namespace {

TEST(StopText, ShowsEverythingWithoutStopStrings) {
  StopText text({""});
  EXPECT_EQ(text.push("any"), "any");
  EXPECT_EQ(text.finish(), "");
}

TEST(StopText, FindsAStringInOnePieceAndCutsIt) {
  StopText text({"END"});
  EXPECT_EQ(text.push("the END of it"), "the ");
  EXPECT_TRUE(text.stopped());
  EXPECT_EQ(text.push("more"), "");
}

TEST(StopText, HoldsBackWhatAStopStringCouldBeginWith) {
  StopText text({"\n\nUser:"});
  EXPECT_EQ(text.push("Hello\n"), "Hello");
  EXPECT_EQ(text.push("\nUs"), "");
  EXPECT_EQ(text.push("age\n"), "\n\nUsage");
  EXPECT_EQ(text.push("\nUser"), "");
  EXPECT_FALSE(text.stopped());
  EXPECT_EQ(text.push(":"), "");
  EXPECT_TRUE(text.stopped());
}

TEST(StopText, GivesTheTailBackAtTheEnd) {
  StopText text({"abab!"});
  EXPECT_EQ(text.push("xaba"), "x");
  EXPECT_EQ(text.push("b"), "");
  EXPECT_EQ(text.push("a"), "ab");  // "aba" is left: it may still become abab!
  EXPECT_EQ(text.finish(), "aba");
}

TEST(StopText, TakesTheEarliestOfSeveral) {
  StopText text({"world", "lo"});
  EXPECT_EQ(text.push("hello world"), "hel");
  EXPECT_TRUE(text.stopped());
}

}  // namespace
}  // namespace attune::engine::generate
