// Values against the gguf package (tests/golden/weights/make_weights.py).
#include "weights/quant_blocks.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "tests/support/test_paths.h"
#include "weights/gguf.h"
#include "weights/half.h"
#include "weights/safetensors.h"

namespace attune::weights {
namespace {

std::string golden(const std::string& name) {
  return testing::source_path("tests/golden/weights/" + name);
}

std::vector<float> floats(const TensorView& view) {
  std::vector<float> values(static_cast<size_t>(element_count(view.shape).value()));
  to_float(view, values).value();
  return values;
}

class BlockTypes : public ::testing::TestWithParam<const char*> {};

TEST_P(BlockTypes, DecodeToTheValuesOfTheGgufPackageBitForBit) {
  auto blocks = GgufFile::open(golden("blocks.gguf")).value();
  auto expected = SafetensorsFile::open(golden("blocks.safetensors")).value();
  const TensorView* view = blocks.find(GetParam());
  const TensorView* wanted = expected.find(GetParam());
  ASSERT_NE(view, nullptr);
  ASSERT_NE(wanted, nullptr);
  EXPECT_STREQ(to_string(view->dtype), GetParam());
  EXPECT_EQ(view->shape, wanted->shape);
  std::vector<float> values = floats(*view);
  EXPECT_EQ(std::memcmp(values.data(), wanted->data, wanted->bytes), 0);

  std::vector<float> row(static_cast<size_t>(view->shape[1]));
  rows_to_float(*view, 2, 1, row).value();
  EXPECT_TRUE(std::equal(row.begin(), row.end(), values.end() - view->shape[1]));
}

INSTANTIATE_TEST_SUITE_P(All, BlockTypes,
                         ::testing::Values("F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1",
                                           "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"),
                         [](const auto& tested) { return std::string(tested.param); });

class Encodings : public ::testing::TestWithParam<const char*> {};

TEST_P(Encodings, EncodeToTheBytesOfTheGgufPackage) {
  auto file = SafetensorsFile::open(golden("encodings.safetensors")).value();
  const TensorView* wanted = file.find(GetParam());
  ASSERT_NE(wanted, nullptr);
  std::vector<uint8_t> bytes(wanted->bytes);
  quantize(*dtype_from_name(GetParam()), floats(*file.find("values")), bytes).value();
  EXPECT_EQ(std::memcmp(bytes.data(), wanted->data, bytes.size()), 0);
}

INSTANTIATE_TEST_SUITE_P(All, Encodings, ::testing::Values("F16", "BF16", "Q8_0", "Q4_0", "Q4_1"),
                         [](const auto& tested) { return std::string(tested.param); });

TEST(QuantBlocks, EightBitsAreWithinHalfAStep) {
  EXPECT_TRUE(rc::check([](const std::vector<int16_t>& numbers) {
    std::vector<float> values(32, 0.0f);
    for (size_t i = 0; i < numbers.size() && i < 32; ++i) values[i] = numbers[i] / 1000.0f;
    std::vector<uint8_t> bytes(34);
    quantize(DType::kQ8_0, values, bytes).value();
    std::vector<float> back = floats({"x", DType::kQ8_0, {32}, bytes.data(), bytes.size()});
    float largest = 0.0f;
    for (float value : values) largest = std::max(largest, std::fabs(value));
    float bound = largest / 127.0f * 0.5f + largest * 1e-3f;  // half a step, and F16's rounding
    for (size_t i = 0; i < 32; ++i) RC_ASSERT(std::fabs(values[i] - back[i]) <= bound);
  }));
}

TEST(QuantBlocks, RefusesWhatATypeCannotHold) {
  std::vector<float> values(32, 1.0f);
  std::vector<uint8_t> bytes(34);
  values[7] = std::numeric_limits<float>::infinity();
  EXPECT_EQ(quantize(DType::kQ8_0, values, bytes).error().code(), ErrorCode::kInvalidInput);
  values[7] = 1e9f;
  EXPECT_FALSE(quantize(DType::kQ8_0, values, bytes).ok());
  bytes.resize(64);
  Status half = quantize(DType::kF16, values, bytes);
  ASSERT_FALSE(half.ok());
  EXPECT_NE(half.error().message().find("element 7"), std::string::npos);
  EXPECT_EQ(quantize(DType::kQ6_K, values, bytes).error().code(), ErrorCode::kUnsupported);
  EXPECT_FALSE(quantize(DType::kBF16, values, std::span(bytes).first(63)).ok());
}

TEST(QuantBlocks, RefusesSizesThatDoNotFit) {
  std::vector<uint8_t> bytes(34);
  std::vector<float> out(32);
  EXPECT_TRUE(to_float({"x", DType::kQ8_0, {32}, bytes.data(), 34}, out).ok());
  EXPECT_FALSE(to_float({"x", DType::kQ8_0, {32}, bytes.data(), 33}, out).ok());
  EXPECT_FALSE(to_float({"x", DType::kQ8_0, {31}, bytes.data(), 34}, out).ok());
  EXPECT_FALSE(to_float({"x", DType::kQ8_0, {64}, bytes.data(), 34}, out).ok());
  EXPECT_FALSE(to_float({"x", DType::kF8E4M3, {34}, bytes.data(), 34}, std::span(out)).ok());
  TensorView rows{"x", DType::kU8, {2, 16}, bytes.data(), 32};
  EXPECT_FALSE(rows_to_float(rows, 1, 2, out).ok());
  EXPECT_FALSE(rows_to_float(rows, -1, 1, std::span(out).first(16)).ok());
  EXPECT_FALSE(rows_to_float(rows, 0, 1, out).ok());
  EXPECT_TRUE(rows_to_float(rows, 2, 0, {}).ok());
}

TEST(QuantBlocks, BFloat16RoundsToEvenAndKeepsNan) {
  EXPECT_EQ(float_to_bf16(1.0f), 0x3f80);
  EXPECT_EQ(float_to_bf16(std::bit_cast<float>(0x3f808000u)), 0x3f80);  // tie to even
  EXPECT_EQ(float_to_bf16(std::bit_cast<float>(0x3f818000u)), 0x3f82);
  EXPECT_TRUE(std::isnan(bf16_to_float(float_to_bf16(std::bit_cast<float>(0x7f800001u)))));
}

TEST(DTypes, SizesAreCheckedForOverflow) {
  EXPECT_EQ(byte_count(DType::kQ4_1, {2, 64}).value(), 80u);
  EXPECT_EQ(byte_count(DType::kF32, {}).value(), 4u);
  EXPECT_EQ(byte_count(DType::kF32, {0, int64_t{1} << 40}).value(), 0u);
  EXPECT_FALSE(byte_count(DType::kF32, {int64_t{1} << 40, int64_t{1} << 40}).ok());
  EXPECT_FALSE(byte_count(DType::kF32, {int64_t{1} << 62}).ok());
  EXPECT_FALSE(byte_count(DType::kF32, {-1}).ok());
  EXPECT_FALSE(byte_count(DType::kQ4_0, {64, 31}).ok());
}

}  // namespace
}  // namespace attune::weights
