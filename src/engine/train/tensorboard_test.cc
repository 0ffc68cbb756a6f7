#include "engine/train/tensorboard.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/file.h"

namespace attune::engine::train {
namespace {

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) text += fmt::format("{:02x}", static_cast<uint8_t>(c));
  return text;
}

// RFC 3720 §B.4.
TEST(TensorBoardTest, Crc32cVectors) {
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAU);
  EXPECT_EQ(crc32c(std::string(32, '\xFF')), 0x62A8AB43U);
  EXPECT_EQ(crc32c("123456789"), 0xE3069283U);
}

TEST(TensorBoardTest, MessagesAreTheProtocolBuffersBytes) {
  EXPECT_EQ(hex(version_event(1.0)), "09000000000000f03f1a0d627261696e2e4576656e743a32");
  // wall_time 2, step 300, summary { value { tag "a", simple_value 0.5 } }
  EXPECT_EQ(hex(scalars_event(2.0, 300, {{"a", 0.5}})),
            "09000000000000004010ac022a0a0a080a0161150000003f");
  EXPECT_EQ(hex(start_event(2.0, 5)), "09000000000000004010053a020801");
}

TEST(TensorBoardTest, FileReadsBackWithItsChecksums) {
  const TemporaryDirectory folder;
  auto writer = TensorBoardWriter::create(folder.path(), 1).value();
  ASSERT_TRUE(writer->write(1, {{"train/loss", 2.5}, {"train/grad_norm", 1.0}}).ok());
  ASSERT_TRUE(writer->write(2, {{"train/loss", 2.25}}).ok());
  const std::string bytes = read_file(writer->path()).value();
  size_t at = 0;
  int records = 0;
  const auto word = [&](size_t offset, size_t size) {
    uint64_t value = 0;
    std::memcpy(&value, bytes.data() + offset, size);
    return value;
  };
  while (at < bytes.size()) {
    const auto length = static_cast<size_t>(word(at, 8));
    ASSERT_EQ(word(at + 8, 4), masked_crc32c(bytes.substr(at, 8)));
    ASSERT_EQ(word(at + 12 + length, 4), masked_crc32c(bytes.substr(at + 12, length)));
    at += 16 + length;
    ++records;
  }
  EXPECT_EQ(at, bytes.size());
  EXPECT_EQ(records, 4);  // version, start, two steps
}

TEST(TensorBoardTest, TwoRunsInOneSecondGetTwoFiles) {
  const TemporaryDirectory folder;
  auto first = TensorBoardWriter::create(folder.path(), 1).value();
  auto second = TensorBoardWriter::create(folder.path(), 1).value();
  EXPECT_NE(first->path(), second->path());
}

TEST(TensorBoardTest, AFolderThatIsNotThereIsAnError) {
  EXPECT_FALSE(TensorBoardWriter::create("/nonexistent/run", 1).ok());
}

}  // namespace
}  // namespace attune::engine::train
