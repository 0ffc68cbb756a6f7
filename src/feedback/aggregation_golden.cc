#include "feedback/aggregation_golden.h"

#include "tests/support/test_paths.h"

namespace attune::feedback {

const Json& aggregation_golden() {
  static const Json values =
      read_json_file(testing::source_path("tests/golden/feedback/aggregation.json")).value();
  return values;
}

}  // namespace attune::feedback
