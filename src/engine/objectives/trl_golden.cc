#include "engine/objectives/trl_golden.h"

#include "tests/support/test_paths.h"

namespace attune::engine::objectives::testing {
namespace {

Json read_golden(const std::string& name) {
  return read_json_file(attune::testing::source_path("tests/golden/objectives/" + name)).value();
}

}  // namespace

const Json& trl_golden() {
  static const Json json = read_golden("objectives.json");
  return json;
}

const Json& trl_advantages() {
  static const Json json = read_golden("advantages.json");
  return json;
}

const Json& trl_bco() {
  static const Json json = read_golden("bco.json");
  return json;
}

}  // namespace attune::engine::objectives::testing
