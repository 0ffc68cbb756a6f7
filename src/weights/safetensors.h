// safetensors files: an 8-byte header length, a JSON header, then the tensors' bytes without gaps.
//
// Reading maps the file; nothing is copied. Files come from strangers, so everything is checked
// once, at open: the header is at most 100 MB and plain JSON of the one permitted form, no key
// appears twice, each tensor's span is exactly what its type and shape need, and the spans cover
// the data area in one piece, without overlap, hole or rest (format 0.4 and later, as the
// `safetensors` package). Errors (kInvalidInput, kUnsupported) name the file, the tensor, and what
// was found.
//
// A SafetensorsFile is immutable, cheap to copy, and may be read from many threads. Views stay
// valid as long as one copy of the object lives; their data may be unaligned.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "weights/dtype.h"

namespace attune::weights {

inline constexpr uint64_t kSafetensorsHeaderMax = 100'000'000;

using SafetensorsMetadata = std::map<std::string, std::string>;

struct SafetensorsContents {
  std::vector<TensorView> tensors;  // in the order of their data
  SafetensorsMetadata metadata;     // the "__metadata__" member
};

// Checks and lists a file's bytes; the views point into `bytes`.
Result<SafetensorsContents> parse_safetensors(std::span<const uint8_t> bytes);

class SafetensorsFile {
 public:
  static Result<SafetensorsFile> open(const std::string& path);

  const std::vector<TensorView>& tensors() const { return contents_->tensors; }
  const SafetensorsMetadata& metadata() const { return contents_->metadata; }
  std::vector<std::string> names() const;                 // sorted
  const TensorView* find(const std::string& name) const;  // nullptr when absent
  const std::string& path() const { return file_->path(); }

 private:
  std::shared_ptr<const MappedFile> file_;
  std::shared_ptr<const SafetensorsContents> contents_;
  std::shared_ptr<const std::map<std::string, size_t>> index_;
};

}  // namespace attune::weights
