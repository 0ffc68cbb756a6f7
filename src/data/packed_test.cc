#include "data/packed.h"

#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include "data/gzip.h"
#include "data/rows.h"
#include "data/zstd.h"

namespace attune::data {
namespace {

// "{\"a\": 1}\n{\"a\": 2}\n" by gzip 1.12 (-9n) and zstd 1.5.4 (-19 --check).
constexpr unsigned char kGzip[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02,
                                   0x03, 0xab, 0x56, 0x4a, 0x54, 0xb2, 0x52, 0x30, 0xac,
                                   0xe5, 0xaa, 0x06, 0x33, 0x8c, 0x6a, 0xb9, 0x00, 0xce,
                                   0x32, 0xde, 0xc1, 0x12, 0x00, 0x00, 0x00};
constexpr unsigned char kZstd[] = {0x28, 0xb5, 0x2f, 0xfd, 0x24, 0x12, 0x91, 0x00, 0x00,
                                   0x7b, 0x22, 0x61, 0x22, 0x3a, 0x20, 0x31, 0x7d, 0x0a,
                                   0x7b, 0x22, 0x61, 0x22, 0x3a, 0x20, 0x32, 0x7d, 0x0a,
                                   0x3f, 0x86, 0x2e, 0x8f};

const std::string kText = "{\"a\": 1}\n{\"a\": 2}\n";

struct Packing {
  const char* name;
  std::string packed;
  size_t header_bytes;  // of which some carry nothing
};

std::vector<Packing> both() {
  return {{"gzip", {reinterpret_cast<const char*>(kGzip), sizeof(kGzip)}, 10},
          {"zstd", {reinterpret_cast<const char*>(kZstd), sizeof(kZstd)}, 4}};
}

std::string unpacked(const std::string& packed, const UnpackLimits& limits = {}) {
  const auto result = Unpacked::unpack(packed, limits);
  return result.ok() ? std::string(result->bytes()) : "error: " + result.error().message();
}

std::string zstd_of(const std::string& text) {
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), 1));
  return packed;
}

std::string gzip_of(const std::string& text) {
  z_stream stream = {};
  EXPECT_EQ(deflateInit2(&stream, 1, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
  std::string packed(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(packed.size() - stream.avail_out);
  deflateEnd(&stream);
  return packed;
}

TEST(Packed, MembersFramesAndPaddingAreUnpacked) {
  for (const Packing& one : both()) {
    EXPECT_TRUE(is_packed(one.packed));
    EXPECT_EQ(unpacked(one.packed), kText) << one.name;
    EXPECT_EQ(unpacked(one.packed + one.packed), kText + kText) << one.name;
  }
  EXPECT_EQ(unpacked(both()[0].packed + std::string(512, '\0')), kText);
  const std::string skipped("\x5a\x2a\x4d\x18\x03\0\0\0abc", 11);  // pzstd's first frame
  EXPECT_TRUE(is_packed(skipped));
  EXPECT_EQ(unpacked(skipped + both()[1].packed), kText);
  EXPECT_FALSE(is_packed(kText));
  EXPECT_FALSE(is_packed("\x28\xb5"));
}

TEST(Packed, DamageIsNamed) {
  for (const Packing& one : both()) {
    const std::string& whole = one.packed;
    for (size_t size = 4; size < whole.size(); ++size) {
      const std::string said = unpacked(whole.substr(0, size));
      EXPECT_NE(said.find(std::string("the ") + one.name + " file is cut short"), std::string::npos)
          << size << ": " << said;
    }
    for (size_t at = one.header_bytes; at < whole.size(); ++at) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ 0x40);
      EXPECT_NE(unpacked(damaged), kText) << one.name << " " << at;
    }
    EXPECT_NE(unpacked(whole + "more").find("error: "), std::string::npos) << one.name;
  }
}

TEST(Packed, LargeOnesGoThroughAFileAndBombsAreRefused) {
  std::string text;
  for (int i = 0; text.size() < 300000; ++i) text += std::to_string(i * 7919) + "\n";
  for (const std::string& packed : {gzip_of(text), zstd_of(text)}) {
    EXPECT_EQ(unpacked(packed, {.in_memory_max = 1000}), text);
    EXPECT_EQ(unpacked(packed, {.in_memory_max = text.size()}), text);
    EXPECT_EQ(unpacked(packed, {.bytes_max = text.size()}), text);
    EXPECT_NE(unpacked(packed, {.bytes_max = text.size() - 1}).find("more than 0 MiB"),
              std::string::npos);
  }
  const std::string dull(300000, 'a');
  for (const std::string& packed : {gzip_of(dull), zstd_of(dull)}) {
    EXPECT_EQ(unpacked(packed), dull);  // small enough to be let be
    EXPECT_NE(unpacked(packed, {.in_memory_max = 1000, .times_max = 50}).find("50 times"),
              std::string::npos);
  }
}

TEST(Packed, AWindowThatNeedsTooMuchMemoryIsRefused) {
  // A frame header with a window of 1 GiB (RFC 8878, 3.1.1.1.2: exponent 20) and an empty block.
  const std::string frame("\x28\xb5\x2f\xfd\x00\xa0\x01\x00\x00", 9);
  EXPECT_NE(unpacked(frame).find("128 MiB"), std::string::npos) << unpacked(frame);
}

TEST(Packed, RowsAreReadFromIt) {
  for (const Packing& one : both()) {
    int64_t sum = 0;
    auto on_row = [&sum](Row row) -> Status {
      sum += row.number * 10 + row.value["a"].get<int64_t>();
      return {};
    };
    auto on_bad_row = [](int64_t, const Error& error) -> Status { return error; };
    ASSERT_TRUE(for_each_row_in(one.packed, "rows", on_row, on_bad_row).ok());
    EXPECT_EQ(sum, 11 + 22);
    const Status cut = for_each_row_in(one.packed.substr(0, 20), "rows.packed", on_row, on_bad_row);
    ASSERT_FALSE(cut.ok());
    EXPECT_EQ(cut.error().message(),
              std::string("rows.packed: the ") + one.name + " file is cut short");
  }
  const auto ignore = [](Row) -> Status { return {}; };
  const auto bad = [](int64_t, const Error& error) -> Status { return error; };
  const Status empty = for_each_row_in(gzip_of(""), "rows", ignore, bad);
  EXPECT_NE(empty.error().message().find("empty"), std::string::npos);
  const Status twice = for_each_row_in(gzip_of(zstd_of(kText)), "rows", ignore, bad);
  EXPECT_NE(twice.error().message().find("compressed twice"), std::string::npos);
}

}  // namespace
}  // namespace attune::data
