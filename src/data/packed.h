// Files that are packed by gzip or zstd, unpacked with bounded memory: a large one goes through a
// temporary file (TMPDIR), which is read like any other.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/result.h"

namespace attune::data {

// Takes what was unpacked, piece by piece; an error of its ends the work and is handed on.
using OnBytes = std::function<Status(std::string_view)>;

struct UnpackLimits {
  size_t bytes_max = size_t{64} << 30;
  size_t in_memory_max = size_t{64} << 20;  // more than that goes to a temporary file
  // Above `in_memory_max`, so many times the packed size: a file made to fill the disk. Rows of
  // text shrink to a tenth, the dullest to a hundredth.
  size_t times_max = 500;
};

// By the first bytes.
bool is_packed(std::string_view bytes);

// The content of a packed file. Movable.
class Unpacked {
 public:
  // kInvalidInput for bytes that are cut short, damaged or more than the limits allow; kIo for a
  // temporary file that cannot be written. `packed` need not outlive the call.
  static Result<Unpacked> unpack(std::string_view packed, const UnpackLimits& limits = {});

  std::string_view bytes() const { return directory_ ? mapped_.text() : std::string_view(text_); }

 private:
  std::string text_;
  std::unique_ptr<TemporaryDirectory> directory_;  // of the temporary file; null: in memory
  MappedFile mapped_;
};

}  // namespace attune::data
