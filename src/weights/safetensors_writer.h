// Writing safetensors files: header first, then the bytes in the order of the header. The file
// appears under its name only when everything is written (base/file.h AtomicFile).
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "weights/safetensors.h"

namespace attune::weights {

// What the header says of a tensor; its bytes follow later.
struct TensorSpec {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
};

// Streams tensors that need not be in memory together:
//   auto writer = TRY(SafetensorsWriter::create(path, specs, {{"format", "pt"}}));
//   for (...) TRY(writer->append(bytes));          // tensor by tensor, in the order of order()
//   TRY(writer->finish());
// Not thread-safe.
class SafetensorsWriter {
 public:
  // Errors: a name twice, a type that safetensors lacks, an impossible shape, the disk.
  static Result<std::unique_ptr<SafetensorsWriter>> create(const std::string& path,
                                                           std::vector<TensorSpec> specs,
                                                           const SafetensorsMetadata& metadata);

  // The order in which bytes are expected: large alignment first, then by name, as the
  // `safetensors` package writes.
  const std::vector<TensorSpec>& order() const { return specs_; }

  Status append(std::span<const uint8_t> bytes);  // a tensor may come in several parts
  Status finish();                                // all tensors must have come

 private:
  SafetensorsWriter() = default;
  std::string path_;
  std::vector<TensorSpec> specs_;
  size_t next_ = 0;
  size_t filled_ = 0;  // bytes of the next tensor that came already
  std::unique_ptr<AtomicFile> file_;
};

// All at once, from views.
Status write_safetensors(const std::string& path, std::span<const TensorView> tensors,
                         const SafetensorsMetadata& metadata);

}  // namespace attune::weights
