#include "server/data_directory.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

namespace attune::server {
namespace {

mode_t mode_of(const std::string& path) {
  struct stat found {};
  EXPECT_EQ(stat(path.c_str(), &found), 0) << path;
  return found.st_mode & 0777;
}

TEST(DataDirectory, IsMadeForItsOwnerAlone) {
  const TemporaryDirectory parent;
  const std::string path = parent.file("a/b");
  const auto directory = DataDirectory::open(path).value();
  EXPECT_EQ(mode_of(path), 0700U);
  EXPECT_EQ(mode_of(parent.file("a")), 0700U);
  ASSERT_TRUE(write_file(join_path(directory->path(), "x"), "secret").ok());
  EXPECT_EQ(mode_of(join_path(directory->path(), "x")), 0600U);
  EXPECT_EQ(mode_of(join_path(directory->path(), "server.lock")), 0600U);
}

TEST(DataDirectory, ServesOneAtATime) {
  const TemporaryDirectory parent;
  auto first = DataDirectory::open(parent.file("d")).value();
  const auto second = DataDirectory::open(parent.file("d"));
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.error().message().find("process " + std::to_string(getpid())),
            std::string::npos)
      << second.error().message();
  EXPECT_NE(second.error().message().find("--data_dir"), std::string::npos);
  first.reset();
  EXPECT_TRUE(DataDirectory::open(parent.file("d")).ok());
}

TEST(DataDirectory, DataThatIsNotThereIsNotDataThatMayNotBeRead) {
  const TemporaryDirectory parent;
  const auto absent = existing_database_url_in(parent.path(), "");
  ASSERT_FALSE(absent.ok());
  EXPECT_EQ(absent.error().code(), ErrorCode::kNotFound);
  ASSERT_EQ(symlink("attune.db", parent.file("attune.db").c_str()), 0);  // leads to itself
  const auto closed = existing_database_url_in(parent.path(), "");
  ASSERT_FALSE(closed.ok());
  EXPECT_NE(closed.error().message().find("attune.db: cannot open: "), std::string::npos)
      << closed.error().message();
  EXPECT_EQ(existing_database_url_in(parent.path(), "postgresql://h/d").value(),
            "postgresql://h/d");
}

TEST(DataDirectory, WhatCannotBeOneIsNamed) {
  const TemporaryDirectory parent;
  ASSERT_TRUE(write_file(parent.file("file"), "x").ok());
  const auto opened = DataDirectory::open(parent.file("file"));
  ASSERT_FALSE(opened.ok());
  EXPECT_NE(opened.error().message().find(parent.file("file")), std::string::npos);
}

}  // namespace
}  // namespace attune::server
