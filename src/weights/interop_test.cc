// What convert, merge and the adapter writer leave opens in the gguf, Transformers and PEFT
// packages (tests/interop/weights_open.py). Skipped, and said so, without the Python environment.
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/file.h"
#include "tests/support/test_paths.h"
#include "weights/convert.h"
#include "weights/lora_files.h"
#include "weights/merge.h"
#include "weights/model_files.h"
#include "weights/model_folder_writer.h"

namespace attune::weights {
namespace {

std::string golden(const std::string& name) {
  return testing::source_path("tests/golden/" + name);
}

Status write_shards(const std::string& from, const std::string& to, uint64_t shard_bytes) {
  ModelFiles files = TRY(ModelFiles::open(from));
  ModelFolder folder = TRY(folder_like(files));
  folder.shard_bytes = shard_bytes;
  for (const std::string& name : files.tensor_names()) {
    folder.tensors.push_back({name, files.find(name)->dtype, files.find(name)->shape});
  }
  return write_model_folder(to, folder, [&](const TensorSpec& spec, const ByteSink& sink) {
    const TensorView* view = files.find(spec.name);
    return sink({view->data, view->bytes});
  });
}

// GGUF and its readers differ about sliding windows: the models are compared without.
void write_without_window(const std::string& from, const std::string& to) {
  ModelFiles files = ModelFiles::open(from).value();
  ModelFolder folder = folder_like(files).value();
  for (const char* key : {"sliding_window", "layer_types", "max_window_layers"}) {
    folder.config.erase(key);
  }
  if (folder.config.contains("use_sliding_window")) folder.config["use_sliding_window"] = false;
  if (folder.config["model_type"] == "mistral") folder.config["sliding_window"] = nullptr;
  for (const std::string& name : files.tensor_names()) {
    folder.tensors.push_back({name, files.find(name)->dtype, files.find(name)->shape});
  }
  auto source = [&](const TensorSpec& spec, const ByteSink& sink) {
    const TensorView* view = files.find(spec.name);
    return sink({view->data, view->bytes});
  };
  write_model_folder(to, folder, source).value();
}

TEST(Interop, OtherLibrariesOpenWhatWeWrite) {
  auto python = testing::python_path();
  if (!python) GTEST_SKIP() << "no Python environment (run scripts/setup.sh)";
  TemporaryDirectory out;
  for (const char* name : {"models", "types"}) make_directories(out.file(name)).value();
  for (const char* name : {"llama3", "llama_linear", "llama_yarn", "smollm2", "mistral", "qwen2",
                           "qwen3", "gpt2", "falcon_7b", "falcon_40b", "gpt_neox"}) {
    std::string model = out.file(std::string("models/") + name);
    write_without_window(golden(std::string("models/") + name), model);
    convert_model({model, out.file("models/" + std::string(name) + ".gguf"), DType::kF32}).value();
    convert_model({model, out.file(std::string(name) + "-bf16"), DType::kBF16}).value();
  }
  for (DType dtype : {DType::kF16, DType::kBF16, DType::kQ8_0, DType::kQ4_0}) {
    std::string path = out.file(fmt::format("types/{}.gguf", to_string(dtype)));
    convert_model({out.file("models/smollm2"), path, dtype}).value();
  }
  write_shards(out.file("models/smollm2"), out.file("sharded"), 20'000).value();
  ASSERT_TRUE(exists(out.file("sharded/model.safetensors.index.json")));
  convert_model({golden("train/tiny"), out.file("tiny.gguf"), DType::kF32}).value();
  convert_model({out.file("tiny.gguf"), out.file("tiny"), DType::kF32}).value();
  LoraAdapter adapter = read_lora_folder(golden("weights/tiny-adapter")).value();
  write_lora_folder(out.file("adapter"), adapter.config, adapter.file.tensors()).value();
  merge_adapter({golden("weights/tiny-llama"), out.file("adapter"), out.file("merged"), {}, false})
      .value();
  std::string log = out.file("log");
  std::string command = *python + " " + testing::source_path("tests/interop/weights_open.py") +
                        " " + golden("") + " " + out.path() + " > " + log + " 2>&1";
  EXPECT_EQ(std::system(command.c_str()), 0) << read_file(log).value();
}

}  // namespace
}  // namespace attune::weights
