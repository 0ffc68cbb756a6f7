#include "weights/safetensors_writer.h"

#include <algorithm>
#include <map>

#include "base/json.h"

namespace attune::weights {
namespace {

constexpr size_t kAlignment = 8;

// {"__metadata__":{...},"name":{"dtype":...,"shape":[...],"data_offsets":[...]},...} padded with
// spaces so that the data begins at a multiple of 8.
Result<std::string> header_of(const std::vector<TensorSpec>& specs,
                              const SafetensorsMetadata& metadata) {
  OrderedJson header = OrderedJson::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  uint64_t offset = 0;
  for (const TensorSpec& spec : specs) {
    if (!in_safetensors(spec.dtype)) {
      return unsupported("tensor {}: safetensors has no type {}; dequantise it to F32, F16 or BF16",
                         spec.name, to_string(spec.dtype));
    }
    Result<size_t> bytes = byte_count(spec.dtype, spec.shape);
    if (!bytes.ok()) return bytes.error().with_context("tensor " + spec.name);
    if (header.contains(spec.name)) return invalid_input("tensor {} is there twice", spec.name);
    header[spec.name] = {{"dtype", to_string(spec.dtype)},
                         {"shape", spec.shape},
                         {"data_offsets", {offset, offset + *bytes}}};
    offset += *bytes;
  }
  std::string text = to_line(header);
  text.append((kAlignment - text.size() % kAlignment) % kAlignment, ' ');
  if (text.size() > kSafetensorsHeaderMax)
    return invalid_input("the header is over 100 MB; use shards");
  return text;
}

}  // namespace

Result<std::unique_ptr<SafetensorsWriter>> SafetensorsWriter::create(
    const std::string& path, std::vector<TensorSpec> specs, const SafetensorsMetadata& metadata) {
  std::unique_ptr<SafetensorsWriter> writer(new SafetensorsWriter());
  std::sort(specs.begin(), specs.end(), [](const TensorSpec& a, const TensorSpec& b) {
    int64_t size_a = block_bytes(a.dtype), size_b = block_bytes(b.dtype);
    return size_a != size_b ? size_a > size_b : a.name < b.name;
  });
  Result<std::string> header = header_of(specs, metadata);
  if (!header.ok()) return header.error().with_context(path);
  writer->path_ = path;
  writer->specs_ = std::move(specs);
  writer->file_ = TRY(AtomicFile::create(path));
  uint64_t size = header->size();
  TRY(writer->file_->write(&size, sizeof size));
  TRY(writer->file_->write(*header));
  return writer;
}

Status SafetensorsWriter::append(std::span<const uint8_t> bytes) {
  CHECK(next_ < specs_.size(), "{}: more tensors than the header names", path_);
  const TensorSpec& spec = specs_[next_];
  size_t needed = TRY(byte_count(spec.dtype, spec.shape));
  CHECK(bytes.size() <= needed - filled_, "{}: tensor {} is larger than its shape", path_,
        spec.name);
  filled_ += bytes.size();
  if (filled_ == needed) {
    filled_ = 0;
    ++next_;
  }
  return file_->write(bytes.data(), bytes.size());
}

Status SafetensorsWriter::finish() {
  CHECK(next_ == specs_.size(), "{}: {} of {} tensors were written", path_, next_, specs_.size());
  return file_->commit();
}

Status write_safetensors(const std::string& path, std::span<const TensorView> tensors,
                         const SafetensorsMetadata& metadata) {
  std::vector<TensorSpec> specs;
  std::map<std::string, const TensorView*> by_name;
  for (const TensorView& tensor : tensors) {
    specs.push_back({tensor.name, tensor.dtype, tensor.shape});
    by_name[tensor.name] = &tensor;
  }
  auto writer = TRY(SafetensorsWriter::create(path, std::move(specs), metadata));
  for (const TensorSpec& spec : writer->order()) {
    const TensorView& tensor = *by_name.at(spec.name);
    TRY(writer->append({tensor.data, tensor.bytes}));
  }
  return writer->finish();
}

}  // namespace attune::weights
