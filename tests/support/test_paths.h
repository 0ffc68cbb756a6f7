// Where tests find what they read: goldens of the tree, sample data, the demo's model, our
// programs.
#pragma once

#include <optional>
#include <string>

namespace attune::testing {

// A file of this repository, for example source_path("tests/golden/text/bpe.json").
std::string source_path(const std::string& relative);

// A file of the sample data (ATTUNE_SAMPLE_DATA), or nothing when it is not there: the test then
// skips with SKIP_WITHOUT_SAMPLE.
std::optional<std::string> sample_path(const std::string& relative);

// The GGUF of SmolLM2-135M-Instruct: ATTUNE_SMOLLM2, or the one in the project's Python
// environment.
std::optional<std::string> smollm2_path();

// A program that this build made: ATTUNE_BIN_DIR/name.
std::string program_path(const std::string& name);

// The Python of the project's environment (interop tests), or nothing when set-up has not run.
std::optional<std::string> python_path();

}  // namespace attune::testing

#define SKIP_WITHOUT_SAMPLE(variable, relative)                                          \
  auto variable##_found = ::attune::testing::sample_path(relative);                      \
  if (!variable##_found)                                                                 \
    GTEST_SKIP() << "sample data absent: " << (relative) << " (set ATTUNE_SAMPLE_DATA)"; \
  const std::string variable = *variable##_found
