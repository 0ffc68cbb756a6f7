#include "weights/gguf_writer.h"

#include <set>

namespace attune::weights {
namespace {

constexpr size_t kAlignment = 32;

template <typename T>
void put(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void put_text(std::string& bytes, std::string_view text) {
  put<uint64_t>(bytes, text.size());
  bytes.append(text);
}

size_t padding_after(size_t size) {
  return (kAlignment - size % kAlignment) % kAlignment;
}

// The tensors' descriptions; their sizes in bytes go to `sizes`.
Result<std::string> describe(const std::vector<TensorSpec>& specs, std::vector<size_t>& sizes) {
  std::string bytes;
  std::set<std::string> names;
  uint64_t offset = 0;
  for (const TensorSpec& spec : specs) {
    std::optional<uint32_t> type = gguf_type_of(spec.dtype);
    if (!type)
      return unsupported("tensor {}: GGUF has no type {}", spec.name, to_string(spec.dtype));
    if (spec.shape.size() > 4) return unsupported("tensor {} has over 4 dimensions", spec.name);
    if (!names.insert(spec.name).second)
      return invalid_input("tensor {} is there twice", spec.name);
    Result<size_t> size = byte_count(spec.dtype, spec.shape);
    if (!size.ok()) return size.error().with_context("tensor " + spec.name);
    put_text(bytes, spec.name);
    put(bytes, static_cast<uint32_t>(spec.shape.size()));
    for (auto it = spec.shape.rbegin(); it != spec.shape.rend(); ++it) put<int64_t>(bytes, *it);
    put<uint32_t>(bytes, *type);
    put<uint64_t>(bytes, offset);
    sizes.push_back(*size);
    offset += *size + padding_after(*size);
  }
  return bytes;
}

}  // namespace

void GgufMetadata::add_key(std::string_view key, GgufType type) {
  put_text(bytes_, key);
  put(bytes_, static_cast<uint32_t>(type));
  ++count_;
}

void GgufMetadata::add_list(std::string_view key, GgufType element, size_t size) {
  add_key(key, GgufType::kArray);
  put(bytes_, static_cast<uint32_t>(element));
  put<uint64_t>(bytes_, size);
}

void GgufMetadata::add_u32(std::string_view key, uint32_t value) {
  add_key(key, GgufType::kU32);
  put(bytes_, value);
}

void GgufMetadata::add_f32(std::string_view key, float value) {
  add_key(key, GgufType::kF32);
  put(bytes_, value);
}

void GgufMetadata::add_bool(std::string_view key, bool value) {
  add_key(key, GgufType::kBool);
  put<uint8_t>(bytes_, value ? 1 : 0);
}

void GgufMetadata::add_string(std::string_view key, std::string_view value) {
  add_key(key, GgufType::kString);
  put_text(bytes_, value);
}

void GgufMetadata::add_strings(std::string_view key, const std::vector<std::string>& values) {
  add_list(key, GgufType::kString, values.size());
  for (const std::string& value : values) put_text(bytes_, value);
}

void GgufMetadata::add_i32s(std::string_view key, const std::vector<int32_t>& values) {
  add_list(key, GgufType::kI32, values.size());
  for (int32_t value : values) put(bytes_, value);
}

void GgufMetadata::add_f32s(std::string_view key, const std::vector<float>& values) {
  add_list(key, GgufType::kF32, values.size());
  for (float value : values) put(bytes_, value);
}

Result<std::unique_ptr<GgufWriter>> GgufWriter::create(const std::string& path,
                                                       const GgufMetadata& metadata,
                                                       std::vector<TensorSpec> specs) {
  std::unique_ptr<GgufWriter> writer(new GgufWriter());
  writer->path_ = path;
  Result<std::string> tensors = describe(specs, writer->sizes_);
  if (!tensors.ok()) return tensors.error().with_context(path);
  std::string header = "GGUF";
  put<uint32_t>(header, 3);
  put<uint64_t>(header, specs.size());
  put<uint64_t>(header, metadata.count());
  header += metadata.bytes();
  header += *tensors;
  header.append(padding_after(header.size()), '\0');
  writer->file_ = TRY(AtomicFile::create(path));
  TRY(writer->file_->write(header));
  return writer;
}

Status GgufWriter::append(std::span<const uint8_t> bytes) {
  CHECK(next_ < sizes_.size(), "{}: more tensors than the header names", path_);
  CHECK(bytes.size() <= sizes_[next_] - filled_, "{}: tensor {} is larger than its shape", path_,
        next_);
  TRY(file_->write(bytes.data(), bytes.size()));
  filled_ += bytes.size();
  if (filled_ < sizes_[next_]) return {};
  filled_ = 0;
  return file_->write(std::string(padding_after(sizes_[next_++]), '\0'));
}

Status GgufWriter::finish() {
  CHECK(next_ == sizes_.size(), "{}: {} of {} tensors were written", path_, next_, sizes_.size());
  return file_->commit();
}

}  // namespace attune::weights
