// Processes that are killed while they write: a file is the old one or the new one, and of a log at
// most the last line is cut.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <string>

#include "base/file.h"
#include "data/rows.h"

namespace attune {
namespace {

// More kills where there is time for them.
int kills() {
  const char* tier = std::getenv("ATTUNE_TEST_TIER");
  return tier != nullptr && std::string_view(tier) == "full" ? 1000 : 60;
}

// Calls `act(0)`, `act(1)`, ... in a child and kills it with SIGKILL somewhere in the twenty calls
// after the one numbered `until`.
void kill_while(int until, const std::function<bool(int)>& act) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    for (int i = 0; i <= until + 20; ++i) {
      if (!act(i) || ::write(ends[1], "x", 1) != 1) ::_exit(1);
    }
    for (;;) ::pause();
  }
  ::close(ends[1]);
  char byte = 0;
  for (int i = 0; i <= until; ++i) EXPECT_EQ(::read(ends[0], &byte, 1), 1) << "act " << i;
  ::kill(child, SIGKILL);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status)) << "it ended by itself";
  ::close(ends[0]);
}

TEST(Killed, AFileIsTheOldOneOrTheNewOne) {
  TemporaryDirectory dir;
  const std::string contents[] = {std::string(200'000, 'a'), std::string(70'001, 'b')};
  int found[2] = {0, 0};
  for (int kill = 0; kill < kills(); ++kill) {
    kill_while(kill % 5, [&](int i) {
      return write_file(dir.file("x"), contents[(i + kill) % 2]).ok();
    });
    const std::string left = read_file(dir.file("x")).value();
    ASSERT_TRUE(left == contents[0] || left == contents[1]) << left.size() << " bytes";
    ++found[left == contents[0] ? 0 : 1];
    for (const std::string& name : list_directory(dir.path()).value()) {
      ASSERT_TRUE(name == "x" || name.starts_with("x.tmp-")) << name;
    }
  }
  EXPECT_GT(found[0], 0);
  EXPECT_GT(found[1], 0);
}

TEST(Killed, AFileThatWasNotThereIsWholeOrAbsent) {
  TemporaryDirectory dir;
  const std::string content(300'000, 'n');
  for (int kill = 0; kill < kills(); ++kill) {
    kill_while(kill % 3, [&](int i) {
      return write_file(dir.file(std::to_string(i)), content).ok();
    });
    for (const std::string& name : list_directory(dir.path()).value()) {
      if (name.find(".tmp-") == std::string::npos) {
        ASSERT_EQ(read_file(dir.file(name)).value(), content) << name;
      }
      ASSERT_TRUE(remove_all(dir.file(name)).ok());
    }
  }
}

// A run's events: killed, continued, killed again; every line that was acknowledged is there once.
TEST(Killed, ALogKeepsWhatWasAcknowledgedAndGoesOn) {
  TemporaryDirectory dir;
  int acknowledged = 0;
  for (int kill = 0; kill < kills(); ++kill) {
    int first = 0;
    if (kill % 6 == 0) remove_all(dir.file("log")).value();  // else it grows and grows
    if (exists(dir.file("log"))) {
      ASSERT_TRUE(AppendFile::open(dir.file("log")).ok());  // removes a cut line
      first = static_cast<int>(data::read_rows(dir.file("log")).value().size());
    }
    std::unique_ptr<AppendFile> log;
    kill_while(kill % 7, [&](int i) {
      if (log == nullptr) log = AppendFile::open(dir.file("log")).value();
      const std::string filler(static_cast<size_t>(i * 7919 % 20'000), 'f');
      const Json line = {{"step", first + i}, {"filler", filler}};
      return log->append_line(to_line(line)).ok();
    });
    acknowledged = first + kill % 7 + 1;
    ASSERT_TRUE(AppendFile::open(dir.file("log")).ok());
    int step = 0;
    for (const data::Row& row : data::read_rows(dir.file("log")).value()) {
      ASSERT_EQ(row.value["step"], step++);
    }
    ASSERT_GE(step, acknowledged) << "a line that was written is lost";
  }
}

}  // namespace
}  // namespace attune
