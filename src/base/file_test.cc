#include "base/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

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

TEST(File, AnUnfinishedFileHasNoName) {
  TemporaryDirectory dir;
  int nameless = ::open(dir.path().c_str(), O_TMPFILE | O_WRONLY, 0600);
  if (nameless < 0) GTEST_SKIP() << "this file system has no files without a name";
  ::close(nameless);
  auto file = AtomicFile::create(dir.file("x")).value();
  file->write("whole").value();
  EXPECT_TRUE(list_directory(dir.path()).value().empty());  // nothing for kill -9 to leave
  file->commit().value();
  EXPECT_EQ(list_directory(dir.path()).value(), std::vector<std::string>{"x"});
  EXPECT_EQ(read_file(dir.file("x")).value(), "whole");
}

TEST(File, OnlyRegularFilesAreReplaced) {
  TemporaryDirectory dir;
  for (const std::string& path : {dir.path(), std::string("/dev/null")}) {
    Status written = write_file(path, "text");
    ASSERT_FALSE(written.ok()) << path;
    EXPECT_NE(written.error().message().find("no regular file"), std::string::npos);
  }
}

TEST(File, AFullDiskIsOneErrorAndTheOldFileStays) {
  // /dev/full accepts open and fails every write with ENOSPC.
  auto log = AppendFile::open("/dev/full");
  ASSERT_TRUE(log.ok());
  Status written = (*log)->append_line("event");
  ASSERT_FALSE(written.ok());
  EXPECT_NE(written.error().message().find("disk is full"), std::string::npos);
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
