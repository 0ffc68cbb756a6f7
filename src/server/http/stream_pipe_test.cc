#include "server/http/stream_pipe.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace attune::http {
namespace {

TEST(StreamPipe, WakesOnceForWhatIsTakenTogether) {
  int woken = 0;
  StreamPipe pipe([&woken] { ++woken; });
  EXPECT_TRUE(pipe.write("a"));
  EXPECT_TRUE(pipe.write("b"));
  EXPECT_EQ(woken, 1);
  StreamPipe::Taken taken = pipe.take();
  EXPECT_EQ(taken.bytes, "ab");
  EXPECT_FALSE(taken.finished);
  EXPECT_TRUE(pipe.write("c"));
  pipe.finish(true);
  EXPECT_EQ(woken, 2);
  taken = pipe.take();
  EXPECT_EQ(taken.bytes, "c");
  EXPECT_TRUE(taken.finished && taken.whole);
}

TEST(StreamPipe, AWriterWaitsWhileItIsFull) {
  std::atomic<int> woken = 0;
  StreamPipe pipe([&woken] { ++woken; });
  EXPECT_TRUE(pipe.write(std::string(kPipeBytes, 'x')));
  std::atomic<bool> wrote = false;
  std::thread writer([&] {
    pipe.write("y");
    wrote = true;
  });
  EXPECT_FALSE(wrote);
  EXPECT_EQ(pipe.take().bytes.size(), kPipeBytes);
  writer.join();
  EXPECT_EQ(pipe.take().bytes, "y");
  EXPECT_EQ(woken, 2);
}

TEST(StreamPipe, AWriterThatWaitsLearnsThatTheClientIsGone) {
  StreamPipe pipe([] {});
  bool written = true;
  std::thread writer([&] { written = pipe.write(std::string(kPipeBytes + 1, 'x')); });
  pipe.close();
  writer.join();
  EXPECT_FALSE(written);
  EXPECT_TRUE(pipe.stopping());
}

TEST(StreamPipe, StoppingIsAQuestionNotAnEnd) {
  StreamPipe pipe([] {});
  EXPECT_FALSE(pipe.stopping());
  pipe.stop();
  EXPECT_TRUE(pipe.stopping());
  EXPECT_TRUE(pipe.write("the end"));
  EXPECT_EQ(pipe.take().bytes, "the end");
}

}  // namespace
}  // namespace attune::http
