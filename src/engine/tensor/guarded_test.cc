#include "engine/tensor/guarded.h"

#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <new>

namespace attune::engine {
namespace {

TEST(Guarded, PassesValuesThrough) {
  Result<int> value = run_guarded({"a sum", {}}, [] { return 3; });
  ASSERT_TRUE(value.ok());
  EXPECT_EQ(*value, 3);
  EXPECT_TRUE(run_guarded({"nothing", {}}, [] {}).ok());
}

TEST(Guarded, PassesErrorsOfTheBodyThrough) {
  Result<int> value = run_guarded({"reading", {}}, []() -> Result<int> {
    return invalid_input("row 3: empty");
  });
  ASSERT_FALSE(value.ok());
  EXPECT_EQ(value.error().code(), ErrorCode::kInvalidInput);
  EXPECT_EQ(value.error().message(), "row 3: empty");
}

TEST(Guarded, NamesOperationShapesAndDevice) {
  Tensor a = at::zeros({2, 3});
  Tensor b = at::zeros({4, 5}, at::kDouble);
  auto result = run_guarded({"projection", {{"a", a}, {"b", b}}}, [&] { return at::mm(a, b); });
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code(), ErrorCode::kInternal);
  const std::string& text = result.error().message();
  EXPECT_NE(text.find("projection (a fp32 [2, 3] on cpu, b Double [4, 5] on cpu): "),
            std::string::npos) << text;
  EXPECT_EQ(text.find('\n'), std::string::npos);
}

TEST(Guarded, OutOfMemorySaysWhatToLower) {
  auto result = run_guarded({"step", {}}, []() -> int { throw std::bad_alloc(); });
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code(), ErrorCode::kUnavailable);
  EXPECT_NE(result.error().message().find("max_tokens_per_batch"), std::string::npos);
}

TEST(Guarded, DescribesUndefinedTensors) { EXPECT_EQ(describe(Tensor()), "undefined"); }

}  // namespace
}  // namespace attune::engine
