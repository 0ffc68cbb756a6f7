#include "data/gzip.h"

#include <gtest/gtest.h>

#include "data/rows.h"

namespace attune::data {
namespace {

// gzip -9n of "{\"a\": 1}\n{\"a\": 2}\n", by gzip 1.12.
constexpr unsigned char kPacked[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02,
                                     0x03, 0xab, 0x56, 0x4a, 0x54, 0xb2, 0x52, 0x30, 0xac,
                                     0xe5, 0xaa, 0x06, 0x33, 0x8c, 0x6a, 0xb9, 0x00, 0xce,
                                     0x32, 0xde, 0xc1, 0x12, 0x00, 0x00, 0x00};

std::string packed() {
  return {reinterpret_cast<const char*>(kPacked), sizeof(kPacked)};
}

TEST(Gzip, UnpacksMembersAndPadding) {
  const std::string text = "{\"a\": 1}\n{\"a\": 2}\n";
  EXPECT_TRUE(is_gzip(packed()));
  EXPECT_EQ(unpack_gzip(packed()).value(), text);
  EXPECT_EQ(unpack_gzip(packed() + packed()).value(), text + text);
  EXPECT_EQ(unpack_gzip(packed() + std::string(512, '\0')).value(), text);
  EXPECT_EQ(unpack_gzip(packed(), text.size()).value(), text);
}

TEST(Gzip, DamageIsNamed) {
  const std::string whole = packed();
  for (size_t size = 0; size < whole.size(); ++size) {
    const auto cut = unpack_gzip(whole.substr(0, size));
    ASSERT_FALSE(cut.ok()) << size;
    EXPECT_NE(cut.error().message().find("cut short"), std::string::npos) << size;
  }
  for (size_t at = 10; at < whole.size(); ++at) {  // behind the header
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x40);
    EXPECT_FALSE(unpack_gzip(damaged).ok()) << at;
  }
  EXPECT_FALSE(unpack_gzip(whole + "more").ok());
  EXPECT_NE(unpack_gzip(whole, 17).error().message().find("more than"), std::string::npos);
}

TEST(Gzip, RowsAreReadFromIt) {
  int64_t sum = 0;
  auto on_row = [&sum](Row row) -> Status {
    sum += row.number * 10 + row.value["a"].get<int64_t>();
    return {};
  };
  auto on_bad_row = [](int64_t, const Error& error) -> Status { return error; };
  ASSERT_TRUE(for_each_row_in(packed(), "rows", on_row, on_bad_row).ok());
  EXPECT_EQ(sum, 11 + 22);
  const Status cut = for_each_row_in(packed().substr(0, 20), "rows.jsonl.gz", on_row, on_bad_row);
  ASSERT_FALSE(cut.ok());
  EXPECT_EQ(cut.error().message(), "rows.jsonl.gz: the gzip file is cut short");
  // Twice packed is no file of rows.
  const std::string empty = "\x1f\x8b\x08" + std::string(7, '\0') + "\x03" + std::string(9, '\0');
  EXPECT_NE(for_each_row_in(empty, "rows", on_row, on_bad_row).error().message().find("empty"),
            std::string::npos);
}

}  // namespace
}  // namespace attune::data
