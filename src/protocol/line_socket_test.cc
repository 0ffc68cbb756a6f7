#include "protocol/line_socket.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "base/file.h"

namespace attune::protocol {
namespace {

// Two connected ends; `raw` is written to without our framing.
struct Ends {
  Ends() {
    int fds[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    ours = std::make_unique<LineSocket>(fds[0]);
    raw = fds[1];
  }
  ~Ends() {
    if (raw >= 0) close(raw);
  }
  void write_raw(const std::string& bytes) {
    ASSERT_EQ(write(raw, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  std::unique_ptr<LineSocket> ours;
  int raw = -1;
};

TEST(LineSocket, GivesLinesOneByOneHoweverTheyArrive) {
  Ends ends;
  ends.write_raw("one\ntwo\r\nthr");
  EXPECT_EQ(ends.ours->receive(1000).text, "one");
  EXPECT_EQ(ends.ours->receive(1000).text, "two");
  EXPECT_EQ(ends.ours->receive(0).event, LineEvent::kTimeout);
  ends.write_raw("ee\n\n");
  EXPECT_EQ(ends.ours->receive(1000).text, "three");
  const ReceivedLine empty = ends.ours->receive(1000);
  EXPECT_EQ(empty.event, LineEvent::kLine);
  EXPECT_EQ(empty.text, "");
}

TEST(LineSocket, DropsALineAboveTheLimitAndKeepsTheNext) {
  Ends ends;
  ends.write_raw(std::string(50, 'x'));
  EXPECT_EQ(ends.ours->receive(0, 10).event, LineEvent::kTimeout);
  ends.write_raw("xx\nok\n");
  EXPECT_EQ(ends.ours->receive(1000, 10).event, LineEvent::kTooLong);
  EXPECT_EQ(ends.ours->receive(1000, 10).text, "ok");
  ends.write_raw("0123456789\n01234567890\nend\n");
  EXPECT_EQ(ends.ours->receive(1000, 10).text, "0123456789");
  EXPECT_EQ(ends.ours->receive(1000, 10).event, LineEvent::kTooLong);
  EXPECT_EQ(ends.ours->receive(1000, 10).text, "end");
}

TEST(LineSocket, SeesThePeerGoAndDropsItsCutLine) {
  Ends ends;
  ends.write_raw("whole\ncut");
  close(ends.raw);
  ends.raw = -1;
  EXPECT_EQ(ends.ours->receive(-1).text, "whole");
  EXPECT_EQ(ends.ours->receive(-1).event, LineEvent::kClosed);
  EXPECT_FALSE(ends.ours->send_line("hello").ok());
}

TEST(LineSocket, ShutDownWakesABlockedSender) {
  Ends ends;
  std::thread sender([&] {
    // Nobody reads: the socket's buffer fills and the send blocks until the shut-down.
    EXPECT_FALSE(ends.ours->send_line(std::string(16 << 20, 'x')).ok());
  });
  std::string first(1, '\0');
  EXPECT_EQ(read(ends.raw, first.data(), 1), 1);  // the sender is at work
  ends.ours->shut_down();
  sender.join();
}

TEST(LineListener, ConnectsPrivatelyAndRemovesItsFile) {
  TemporaryDirectory directory;
  const std::string path = directory.file("socket");
  auto listener = LineListener::listen(path);
  ASSERT_TRUE(listener.ok()) << listener.error().message();
  struct stat found {};
  ASSERT_EQ(stat(path.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600u);
  auto client = LineSocket::connect(path, 1000);
  ASSERT_TRUE(client.ok());
  auto server = (*listener)->accept(1000);
  ASSERT_TRUE(server.ok());
  ASSERT_TRUE((*client)->send_line("hello").ok());
  EXPECT_EQ((*server)->receive(1000).text, "hello");
  EXPECT_FALSE(LineListener::listen(path).ok()) << "a second listener took the path over";
  listener = io_error("closed");
  EXPECT_FALSE(exists(path));
}

TEST(LineListener, ReplacesAnAbandonedSocketButNoOtherFile) {
  TemporaryDirectory directory;
  ASSERT_TRUE(write_file(directory.file("notes"), "keep me").ok());
  EXPECT_FALSE(LineListener::listen(directory.file("notes")).ok());
  EXPECT_EQ(*read_file(directory.file("notes")), "keep me");
  EXPECT_FALSE(LineListener::listen(directory.file(std::string(200, 'x'))).ok());
  const auto missing = LineSocket::connect(directory.file("absent"), 0);
  ASSERT_FALSE(missing.ok());
  EXPECT_NE(missing.error().message().find("absent"), std::string::npos);
}

}  // namespace
}  // namespace attune::protocol
