#include "engine/comm/agreement.h"

#include <gtest/gtest.h>

#include "base/log.h"
#include "engine/comm/thread_ranks.h"

namespace attune::engine::comm {
namespace {

class Agreement : public ::testing::Test {
 protected:
  void TearDown() override { set_log_level(before_); }

 private:
  LogLevel before_ = log_level();
};

TEST_F(Agreement, BytesOfAllRanksComeInTheirOrder) {
  on_thread_ranks(3, [](Communicator& ranks) {
    // Bytes of any value; nothing at all is something too.
    const std::string own(static_cast<size_t>(ranks.rank()), '\0');
    const auto all = gather_or_fail(ranks, own);
    ASSERT_TRUE(all.ok());
    EXPECT_EQ(*all, (std::vector<std::string>{"", std::string(1, '\0'), std::string(2, '\0')}));
    EXPECT_TRUE(agree(ranks, {}).ok());
  });
}

TEST_F(Agreement, TheErrorOfTheFirstThatFailedIsTheErrorOfAll) {
  on_thread_ranks(3, [](Communicator& ranks) {
    const auto own = ranks.rank() == 0
                         ? Result<std::string>(std::string("well"))
                         : make_error(ErrorCode::kUnavailable, "rank {} \xff", ranks.rank());
    const auto all = gather_or_fail(ranks, own);
    ASSERT_FALSE(all.ok());
    EXPECT_EQ(all.error().code(), ErrorCode::kUnavailable);
    EXPECT_EQ(all.error().message(), "rank 1 \xEF\xBF\xBD");
    // All know it: the end of the work needs no exchange, and the next one starts afresh.
    EXPECT_FALSE(agree(ranks, all.error()).ok());
    EXPECT_TRUE(agree(ranks, {}).ok());
  });
}

// A rank that fails on its own while the others are in an exchange that it never reaches.
TEST_F(Agreement, ARankThatFailsBetweenExchangesKeepsNobodyWaiting) {
  on_thread_ranks(2, [](Communicator& ranks) {
    const auto work = [&]() -> Status {
      if (ranks.is_first()) return io_error("the disk is full");
      (void)TRY(gather_or_fail(ranks, std::string("rollouts")));
      ADD_FAILURE() << "the exchange succeeded";
      return {};
    };
    const Status common = agree(ranks, work());
    ASSERT_FALSE(common.ok());
    EXPECT_EQ(common.error().code(), ErrorCode::kIo);
    EXPECT_EQ(common.error().message(), "the disk is full");
    EXPECT_EQ(ranks.all_gather("x").size(), 2U);  // both are at the same place
  });
}

TEST_F(Agreement, OneRankHasItsOwn) {
  const auto alone = single_process();
  EXPECT_EQ(gather_or_fail(*alone, std::string("a")).value(), std::vector<std::string>{"a"});
  EXPECT_EQ(agree(*alone, not_found("nothing there")).error().message(), "nothing there");
  EXPECT_TRUE(agree(*alone, {}).ok());
}

}  // namespace
}  // namespace attune::engine::comm
