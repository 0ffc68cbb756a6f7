#include "base/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <thread>

namespace attune {
namespace {

TEST(File, WritesAndReadsBack) {
  TemporaryDirectory dir;
  std::string bytes("a\0b\n", 4);
  ASSERT_TRUE(write_file(dir.file("x"), bytes).ok());
  EXPECT_EQ(read_file(dir.file("x")).value(), bytes);
  EXPECT_EQ(MappedFile::open(dir.file("x")).value().text(), bytes);
  EXPECT_EQ(list_directory(dir.path()).value(), std::vector<std::string>{"x"});
}

TEST(File, ErrorsNameThePath) {
  TemporaryDirectory dir;
  Result<std::string> missing = read_file(dir.file("none"));
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code(), ErrorCode::kNotFound);
  EXPECT_NE(missing.error().message().find(dir.file("none")), std::string::npos);
  EXPECT_EQ(read_file(dir.path()).error().code(), ErrorCode::kInvalidInput);
}

TEST(File, ErrorsSayWhatToDo) {
  TemporaryDirectory dir;
  ASSERT_TRUE(write_file(dir.file("x"), "1").ok());
  ASSERT_EQ(::symlink("loop", dir.file("loop").c_str()), 0);
  const std::pair<std::string, const char*> cases[] = {
      {dir.file("none"), "no such file or directory; check the path"},
      {dir.file("x/y"), "Not a directory; check the path"},
      {dir.file("loop"), "; check the path"},
      {dir.file(std::string(300, 'n')), "; choose a shorter name"},
      {dir.path(), "; give the name of "},
  };
  for (const auto& [path, remedy] : cases) {
    const std::string read = read_file(path).error().message();
    EXPECT_NE(read.find(remedy), std::string::npos) << read;
    const std::string mapped = MappedFile::open(path).error().message();
    EXPECT_NE(mapped.find(remedy), std::string::npos) << mapped;
  }
}

TEST(File, ALimitIsKept) {
  TemporaryDirectory dir;
  ASSERT_TRUE(write_file(dir.file("x"), "12345").ok());
  EXPECT_EQ(read_file(dir.file("x"), 5).value(), "12345");
  EXPECT_EQ(read_file(dir.file("x"), 4).error().code(), ErrorCode::kInvalidInput);
  EXPECT_FALSE(read_file("/dev/zero", 1 << 20).ok()) << "a device without an end";
}

TEST(File, ReplacingKeepsALinkAndTheRights) {
  TemporaryDirectory dir;
  ASSERT_TRUE(write_file(dir.file("real"), "old").ok());
  ASSERT_EQ(::chmod(dir.file("real").c_str(), 0600), 0);
  ASSERT_EQ(::symlink("real", dir.file("link").c_str()), 0);
  ASSERT_TRUE(write_file(dir.file("link"), "new").ok());
  EXPECT_EQ(read_file(dir.file("real")).value(), "new");
  struct stat info;
  ASSERT_EQ(::lstat(dir.file("link").c_str(), &info), 0);
  EXPECT_TRUE(S_ISLNK(info.st_mode));
  ASSERT_EQ(::stat(dir.file("real").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST(File, APipeIsWrittenToAndNotReplaced) {
  TemporaryDirectory dir;
  ASSERT_EQ(::mkfifo(dir.file("pipe").c_str(), 0600), 0);
  std::string received;
  std::thread reader([&] { received = read_file(dir.file("pipe")).value(); });
  EXPECT_TRUE(write_file(dir.file("pipe"), "rows\n").ok());
  reader.join();
  EXPECT_EQ(received, "rows\n");
  EXPECT_EQ(list_directory(dir.path()).value(), std::vector<std::string>{"pipe"});
}

TEST(File, AnUnfinishedFileHasNoName) {
  TemporaryDirectory dir;
  int probe = ::open(dir.path().c_str(), O_TMPFILE | O_WRONLY, 0600);
  if (probe < 0) GTEST_SKIP() << "this file system has no nameless files";
  ::close(probe);
  auto file = AtomicFile::create(dir.file("x")).value();
  ASSERT_TRUE(file->write("whole").ok());
  EXPECT_TRUE(list_directory(dir.path()).value().empty()) << "something for kill -9 to leave";
  ASSERT_TRUE(file->commit().ok());
  EXPECT_EQ(list_directory(dir.path()).value(), std::vector<std::string>{"x"});
  EXPECT_EQ(read_file(dir.file("x")).value(), "whole");
}

TEST(File, ADirectoryIsNotReplaced) {
  TemporaryDirectory dir;
  ASSERT_TRUE(make_directories(dir.file("a/b/c")).ok());
  EXPECT_EQ(write_file(dir.file("a"), "x").error().code(), ErrorCode::kInvalidInput);
  EXPECT_TRUE(is_directory(dir.file("a/b/c")));
  ASSERT_TRUE(write_file(dir.file("f"), "x").ok());
  EXPECT_FALSE(make_directories(dir.file("f/g")).ok()) << "a file stands in the way";
}

TEST(File, AFileThatIsNotCommittedLeavesNothing) {
  TemporaryDirectory dir;
  ASSERT_TRUE(write_file(dir.file("x"), "old").ok());
  {
    auto file = AtomicFile::create(dir.file("x"));
    ASSERT_TRUE(file.value()->write("new").ok());
  }
  EXPECT_EQ(read_file(dir.file("x")).value(), "old");
  EXPECT_EQ(list_directory(dir.path()).value().size(), 1u);
}

// /dev/full accepts open and fails every write with ENOSPC.
TEST(File, AFullDiskIsOneError) {
  auto log = AppendFile::open("/dev/full");
  ASSERT_TRUE(log.ok());
  Status written = (*log)->append_line("event");
  ASSERT_FALSE(written.ok());
  EXPECT_NE(written.error().message().find("disk is full"), std::string::npos);
  TemporaryDirectory dir;
  ASSERT_EQ(::symlink("/dev/full", dir.file("full").c_str()), 0);
  written = write_file(dir.file("full"), "bytes");
  ASSERT_FALSE(written.ok());
  EXPECT_NE(written.error().message().find("disk is full"), std::string::npos);
}

// For its life no file of this process grows above `bytes`: a write in the middle of a file fails,
// as on a disk that fills up.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int) = nullptr;
};

TEST(File, AWriteThatFailsHalfWayLeavesTheOldFile) {
  TemporaryDirectory dir;
  ASSERT_TRUE(write_file(dir.file("x"), "old").ok());
  {
    FileSizeLimit limit(1000);
    Status written = write_file(dir.file("x"), std::string(5000, 'n'));
    ASSERT_FALSE(written.ok());
    EXPECT_NE(written.error().message().find(dir.file("x")), std::string::npos);
  }
  EXPECT_EQ(read_file(dir.file("x")).value(), "old");
  EXPECT_EQ(list_directory(dir.path()).value(), std::vector<std::string>{"x"});
}

TEST(File, AnAppendThatFailsHalfWayIsTakenBack) {
  TemporaryDirectory dir;
  auto log = AppendFile::open(dir.file("log")).value();
  ASSERT_TRUE(log->append_line("first").ok());
  {
    FileSizeLimit limit(1000);
    EXPECT_FALSE(log->append_line(std::string(5000, 'n')).ok());
  }
  ASSERT_TRUE(log->append_line("second").ok());
  EXPECT_EQ(read_file(dir.file("log")).value(), "first\nsecond\n");
}

TEST(File, ACutLastLineIsRemovedBeforeAppending) {
  TemporaryDirectory dir;
  const std::string whole(5000, 'w');
  for (const std::string& cut : {std::string("cut"), std::string(10000, 'c'), std::string()}) {
    ASSERT_TRUE(write_file(dir.file("log"), whole + "\n" + cut).ok());
    ASSERT_TRUE(AppendFile::open(dir.file("log")).value()->append_line("next").ok());
    EXPECT_EQ(read_file(dir.file("log")).value(), whole + "\nnext\n");
  }
  ASSERT_TRUE(write_file(dir.file("log"), "no line at all").ok());
  ASSERT_TRUE(AppendFile::open(dir.file("log")).value()->append_line("next").ok());
  EXPECT_EQ(read_file(dir.file("log")).value(), "next\n");
}

TEST(File, AMissingTemporaryFolderIsAnError) {
  std::optional<std::string> before;
  if (const char* folder = std::getenv("TMPDIR")) before = folder;
  ::setenv("TMPDIR", "/nowhere", 1);
  auto made = TemporaryDirectory::create();
  before ? ::setenv("TMPDIR", before->c_str(), 1) : ::unsetenv("TMPDIR");
  ASSERT_FALSE(made.ok());
  EXPECT_NE(made.error().message().find("TMPDIR"), std::string::npos);
}

TEST(File, AppendsLines) {
  TemporaryDirectory dir;
  for (int i = 0; i < 2; ++i) {
    auto log = AppendFile::open(dir.file("log"));
    ASSERT_TRUE((*log)->append_line("line").ok());
  }
  EXPECT_EQ(read_file(dir.file("log")).value(), "line\nline\n");
}

TEST(File, AnEmptyFileMapsToNothing) {
  TemporaryDirectory dir;
  ASSERT_TRUE(write_file(dir.file("empty"), "").ok());
  EXPECT_EQ(MappedFile::open(dir.file("empty")).value().size(), 0u);
}

}  // namespace
}  // namespace attune
