#include "text/reference_number.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>
#include <limits>

namespace attune::text {
namespace {

TEST(ReferenceNumber, MissesTheNearestDoubleWhereSerdeJsonDoes) {
  // Recorded: json.loads(Tokenizer.from_str(...).to_str()) of `tokenizers` 0.23.3.
  EXPECT_EQ(as_reference_reads(-7.0642940353523676), -7.064294035352368);
  EXPECT_EQ(as_reference_reads(-7.2211471422436695), -7.221147142243669);
  EXPECT_EQ(as_reference_reads(-7.2504458682341895), -7.250445868234189);
  EXPECT_EQ(as_reference_reads(-2.5366197611356327), -2.5366197611356327);
}

TEST(ReferenceNumber, KeepsWhatIsShortOrWhole) {
  for (double value : {0.0, -0.0, 1.0, -12.5, 3.14, 1e22, 123456789.0, 1e-10, 0.1}) {
    EXPECT_EQ(as_reference_reads(value), value);
  }
}

TEST(ReferenceNumber, StaysWithinAUnitInTheLastPlace) {
  bool held = rc::check("at most one step from the value", [] {
    double value = *rc::gen::arbitrary<double>();
    RC_PRE(std::isfinite(value));
    double read = as_reference_reads(value);
    RC_ASSERT(read >= std::nextafter(value, -INFINITY) && read <= std::nextafter(value, INFINITY));
  });
  EXPECT_TRUE(held);
  EXPECT_GT(as_reference_reads(std::numeric_limits<double>::denorm_min()), -1e-300);
  EXPECT_TRUE(std::isfinite(as_reference_reads(std::numeric_limits<double>::lowest() / 2)));
}

}  // namespace
}  // namespace attune::text
