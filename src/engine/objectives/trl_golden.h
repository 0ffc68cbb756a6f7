// For tests: what TRL's own code computed (tests/golden/objectives). Numbers there are fp32's.
#pragma once

#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/json.h"
#include "engine/tensor/gradient_check.h"

namespace attune::engine::objectives::testing {

// objectives.json, advantages.json and bco.json.
const Json& trl_golden();
const Json& trl_advantages();
const Json& trl_bco();

inline Tensor floats(const Json& array) { return at::tensor(array.get<std::vector<float>>()); }
inline Tensor whole(const Json& array) { return at::tensor(array.get<std::vector<int64_t>>()); }

inline std::string label_of(const Json& golden_case) {
  return golden_case.value("name", golden_case.value("loss_type", std::string("case")));
}

inline void expect_near(const Tensor& got, const Tensor& want, const std::string& label) {
  EXPECT_LT(engine::testing::relative_difference(got, want), 2e-5)
      << label << "\n" << got << "\n" << want;
}
inline void expect_near(double got, double want, const std::string& label) {
  EXPECT_NEAR(got, want, 2e-5 * std::max(std::abs(want), 0.05)) << label;
}

}  // namespace attune::engine::objectives::testing
