// Labels, strengths and reliabilities by independent implementations, made once by
// tests/golden/feedback/make_aggregation.py.
#pragma once

#include "base/json.h"

namespace attune::feedback {

const Json& aggregation_golden();

}  // namespace attune::feedback
