// GGUF files, versions 2 and 3, little-endian: typed metadata, then tensors at aligned offsets.
//
// Reading maps the file. All counts, lengths, shapes and offsets are checked at open against the
// size of the file; keys and tensor names appear once; tensors do not overlap. Errors
// (kInvalidInput, kUnsupported) name the key or tensor. Metadata values stay in the mapping and are
// decoded when asked for, so large vocabularies cost nothing until then.
//
// A GgufFile is immutable, cheap to copy, and may be read from many threads. Views and values stay
// valid as long as one copy of the object lives.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "base/result.h"
#include "weights/dtype.h"

namespace attune::weights {

enum class GgufType : uint32_t {
  kU8 = 0,
  kI8 = 1,
  kU16 = 2,
  kI16 = 3,
  kU32 = 4,
  kI32 = 5,
  kF32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kU64 = 10,
  kI64 = 11,
  kF64 = 12,
};

// One metadata value. `payload` holds the value (strings: without their length; lists: the elements
// as stored, strings in them with their lengths).
struct GgufValue {
  GgufType type = GgufType::kU8;
  GgufType element = GgufType::kU8;  // of a list
  uint64_t count = 1;                // of a list
  std::span<const uint8_t> payload;

  // Conversions; kInvalidInput when the type does not fit. Integers of all widths and booleans are
  // integers; integers and floats are numbers. Lists of lists convert only to JSON.
  Result<int64_t> as_int() const;
  Result<double> as_number() const;
  Result<bool> as_bool() const;
  Result<std::string> as_string() const;
  Result<std::vector<std::string>> as_strings() const;
  Result<std::vector<int64_t>> as_ints() const;
  Result<std::vector<float>> as_floats() const;
  // Lists longer than `list_max` become {"length": n}.
  Json as_json(uint64_t list_max = 64) const;
};

struct GgufContents {
  uint32_t version = 3;
  uint64_t alignment = 32;
  std::map<std::string, GgufValue, std::less<>> metadata;
  std::vector<TensorView>
      tensors;  // GGUF names; shapes turned row-major (GGUF lists them reversed)
};

// Checks and lists a file's bytes; views and values point into `bytes`.
Result<GgufContents> parse_gguf(std::span<const uint8_t> bytes);

class GgufFile {
 public:
  static Result<GgufFile> open(const std::string& path);

  uint32_t version() const { return contents_->version; }
  const std::vector<TensorView>& tensors() const { return contents_->tensors; }
  const TensorView* find(const std::string& name) const;  // nullptr when absent
  const std::map<std::string, GgufValue, std::less<>>& metadata() const {
    return contents_->metadata;
  }
  const GgufValue* value(std::string_view key) const;  // nullptr when absent
  const std::string& path() const { return file_->path(); }

  // Required values: errors name the key. With a fallback: absent gives it, a wrong type is an
  // error.
  Result<int64_t> get_int(std::string_view key) const;
  Result<std::string> get_string(std::string_view key) const;
  Result<int64_t> get_int_or(std::string_view key, int64_t fallback) const;
  Result<double> get_number_or(std::string_view key, double fallback) const;
  Result<bool> get_bool_or(std::string_view key, bool fallback) const;
  Result<std::string> get_string_or(std::string_view key, std::string fallback) const;

 private:
  std::shared_ptr<const MappedFile> file_;
  std::shared_ptr<const GgufContents> contents_;
  std::shared_ptr<const std::map<std::string, size_t>> index_;
};

}  // namespace attune::weights
