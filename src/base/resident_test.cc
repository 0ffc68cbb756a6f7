#include "base/resident.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "base/file.h"

namespace attune {
namespace {

// Resident bytes of files and shared memory in this process.
int64_t resident_file_bytes() {
  const std::string text = read_file("/proc/self/statm").value();
  long long total = 0, resident = 0, shared = 0;
  EXPECT_EQ(std::sscanf(text.c_str(), "%lld %lld %lld", &total, &resident, &shared), 3);
  return shared * ::sysconf(_SC_PAGESIZE);
}

TEST(Resident, DroppedPagesLeaveMemoryAndCanBeReadAgain) {
  constexpr size_t kBytes = 8 << 20;
  TemporaryDirectory dir;
  std::string bytes(kBytes, 'a');
  for (size_t i = 0; i < kBytes; i += 4096) bytes[i] = static_cast<char>('a' + i / 4096 % 26);
  ASSERT_TRUE(write_file(dir.file("x"), bytes).ok());
  const MappedFile file = MappedFile::open(dir.file("x")).value();
  const int64_t before = resident_file_bytes();
  EXPECT_EQ(file.text(), bytes);
  EXPECT_GT(resident_file_bytes() - before, static_cast<int64_t>(kBytes) * 3 / 4);
  drop_mapped_pages(file.data() + 100, kBytes - 200);
  EXPECT_LT(resident_file_bytes() - before, static_cast<int64_t>(kBytes) / 4);
  EXPECT_EQ(file.text(), bytes);
}

TEST(Resident, LessThanAPageIsLeftAlone) {
  TemporaryDirectory dir;
  ASSERT_TRUE(write_file(dir.file("x"), std::string(5000, 'b')).ok());
  const MappedFile file = MappedFile::open(dir.file("x")).value();
  drop_mapped_pages(file.data() + 1, 4096);  // touches two pages and fills neither
  drop_mapped_pages(nullptr, 0);
  EXPECT_EQ(file.text(), std::string(5000, 'b'));
}

TEST(Resident, WhatIsTouchedCounts) {
  constexpr int64_t kBytes = 64 << 20;
  const int64_t before = resident_bytes();
  EXPECT_GT(before, 0);
  const std::string touched(kBytes, 'c');
  EXPECT_GT(resident_bytes() - before, kBytes * 3 / 4);
  EXPECT_EQ(touched.back(), 'c');
}

}  // namespace
}  // namespace attune
