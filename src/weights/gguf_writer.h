// Writing GGUF version 3. The file appears under its name only when everything is written.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "weights/gguf.h"
#include "weights/safetensors_writer.h"

namespace attune::weights {

// Metadata in the order in which it is added; a key may be added once.
class GgufMetadata {
 public:
  void add_u32(std::string_view key, uint32_t value);
  void add_f32(std::string_view key, float value);
  void add_bool(std::string_view key, bool value);
  void add_string(std::string_view key, std::string_view value);
  void add_strings(std::string_view key, const std::vector<std::string>& values);
  void add_i32s(std::string_view key, const std::vector<int32_t>& values);
  void add_f32s(std::string_view key, const std::vector<float>& values);

  uint64_t count() const { return count_; }
  const std::string& bytes() const { return bytes_; }

 private:
  void add_key(std::string_view key, GgufType type);
  void add_list(std::string_view key, GgufType element, size_t size);
  uint64_t count_ = 0;
  std::string bytes_;
};

// Streams tensors in the order of `specs` (names and row-major shapes, written reversed as GGUF
// wants):
//   auto writer = TRY(GgufWriter::create(path, metadata, specs));
//   for each spec: TRY(writer->append(bytes));   // a tensor may come in several parts
//   TRY(writer->finish());
// Not thread-safe.
class GgufWriter {
 public:
  // Errors: types that GGUF lacks, impossible shapes, a name twice, the disk.
  static Result<std::unique_ptr<GgufWriter>> create(const std::string& path,
                                                    const GgufMetadata& metadata,
                                                    std::vector<TensorSpec> specs);

  Status append(std::span<const uint8_t> bytes);
  Status finish();  // all tensors must have come

 private:
  GgufWriter() = default;
  std::string path_;
  std::vector<size_t> sizes_;  // bytes of each tensor
  size_t next_ = 0;
  size_t filled_ = 0;  // bytes of the next tensor that came already
  std::unique_ptr<AtomicFile> file_;
};

}  // namespace attune::weights
