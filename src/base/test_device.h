// Where the tests that compute with a model put it.
#pragma once

#include <cstdlib>
#include <string>

namespace attune {

// ATTUNE_TEST_DEVICE, a device as trainings name it (bench/gpu.sh: cuda:0); the CPU where not set.
inline std::string test_device_name() {
  const char* name = std::getenv("ATTUNE_TEST_DEVICE");
  return name == nullptr || *name == '\0' ? "cpu" : name;
}

}  // namespace attune
