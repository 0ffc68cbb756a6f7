// GgufFile's look-ups by name and key.
#include "weights/gguf.h"

namespace attune::weights {
namespace {

template <typename T>
Result<T> named(const GgufFile& file, std::string_view key, Result<T> value) {
  if (value.ok()) return value;
  return invalid_input("{}: key {} {}", file.path(), key, value.error().message());
}

}  // namespace

const TensorView* GgufFile::find(const std::string& name) const {
  auto found = index_->find(name);
  return found == index_->end() ? nullptr : &contents_->tensors[found->second];
}

const GgufValue* GgufFile::value(std::string_view key) const {
  auto found = contents_->metadata.find(key);
  return found == contents_->metadata.end() ? nullptr : &found->second;
}

Result<int64_t> GgufFile::get_int(std::string_view key) const {
  const GgufValue* found = value(key);
  if (found == nullptr) return invalid_input("{}: key {} is missing", path(), key);
  return named(*this, key, found->as_int());
}

Result<std::string> GgufFile::get_string(std::string_view key) const {
  const GgufValue* found = value(key);
  if (found == nullptr) return invalid_input("{}: key {} is missing", path(), key);
  return named(*this, key, found->as_string());
}

Result<int64_t> GgufFile::get_int_or(std::string_view key, int64_t fallback) const {
  const GgufValue* found = value(key);
  return found == nullptr ? Result<int64_t>(fallback) : named(*this, key, found->as_int());
}

Result<double> GgufFile::get_number_or(std::string_view key, double fallback) const {
  const GgufValue* found = value(key);
  return found == nullptr ? Result<double>(fallback) : named(*this, key, found->as_number());
}

Result<bool> GgufFile::get_bool_or(std::string_view key, bool fallback) const {
  const GgufValue* found = value(key);
  return found == nullptr ? Result<bool>(fallback) : named(*this, key, found->as_bool());
}

Result<std::string> GgufFile::get_string_or(std::string_view key, std::string fallback) const {
  const GgufValue* found = value(key);
  return found == nullptr ? Result<std::string>(std::move(fallback))
                          : named(*this, key, found->as_string());
}

}  // namespace attune::weights
