// Transformers and PEFT open what save_decoder and Adapters::save wrote (tests/interop).
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/file.h"
#include "base/json.h"
#include "engine/models/golden_model.h"
#include "engine/models/save.h"
#include "tests/support/test_paths.h"
#include "weights/model_files.h"

namespace attune::engine::models {
namespace {

void write_model(const std::string& name, const std::string& folder) {
  auto files = weights::ModelFiles::open(testing::source_path("tests/golden/models/" + name));
  auto decoder = Decoder::load(*files, {});
  ASSERT_TRUE(decoder.ok()) << decoder.error().message();
  Status saved = save_decoder(**decoder, *files, folder);
  ASSERT_TRUE(saved.ok()) << saved.error().message();
}

void write_adapter(const std::string& name, const std::string& folder) {
  const std::string source = testing::source_path("tests/golden/models/adapters/" + name);
  const std::string base =
      read_json_file(join_path(source, "lora.json")).value().at("base").get<std::string>();
  auto files = weights::ModelFiles::open(testing::source_path("tests/golden/models/" + base));
  auto decoder = Decoder::load(*files, {});
  ASSERT_TRUE(decoder.ok()) << decoder.error().message();
  ASSERT_TRUE((*decoder)->adapters().load("a", source).ok());
  Status saved = (*decoder)->adapters().save("a", folder);
  ASSERT_TRUE(saved.ok()) << saved.error().message();
}

TEST(Interop, TransformersAndPeftOpenWhatWeWrite) {
  auto python = testing::python_path();
  if (!python) GTEST_SKIP() << "no Python environment (run scripts/setup.sh)";
  TemporaryDirectory directory;
  ASSERT_TRUE(make_directories(directory.file("models")).ok());
  ASSERT_TRUE(make_directories(directory.file("adapters")).ok());
  for (const std::string& name : golden_model_names()) {
    write_model(name, directory.file("models/" + name));
  }
  const std::string adapters = testing::source_path("tests/golden/models/adapters");
  for (const std::string& name : list_directory(adapters).value()) {
    write_adapter(name, directory.file("adapters/" + name));
  }
  const std::string log = directory.file("log");
  const std::string command = *python + " " + testing::source_path("tests/interop/models_open.py") +
                              " " + testing::source_path("tests/golden/models") + " " +
                              directory.path() + " > " + log + " 2>&1";
  EXPECT_EQ(std::system(command.c_str()), 0) << read_file(log).value();
}

}  // namespace
}  // namespace attune::engine::models
