#include "weights/safetensors.h"

#include <algorithm>

#include "weights/half.h"
#include "weights/lfs_pointer.h"
#include "weights/safetensors_header.h"

namespace attune::weights {
namespace {

constexpr size_t kPrefixBytes = 8;

Result<TensorView> view_of(SafetensorsEntry entry, std::span<const uint8_t> data) {
  std::optional<DType> dtype = dtype_from_name(entry.dtype);
  if (!dtype || !in_safetensors(*dtype) || entry.dtype != to_string(*dtype)) {
    return unsupported(
        "tensor {}: type \"{}\" is not supported; convert the model to F32, F16 or BF16",
        entry.name, entry.dtype);
  }
  Result<size_t> needed = byte_count(*dtype, entry.shape);
  if (!needed.ok()) return needed.error().with_context("tensor " + entry.name);
  uint64_t begin = entry.offsets[0], end = entry.offsets[1];
  if (begin > end || end > data.size()) {
    return invalid_input(
        "tensor {}: its bytes {} to {} are outside of the {} bytes of data; the file is "
        "cut short or damaged, fetch it again",
        entry.name, begin, end, data.size());
  }
  if (end - begin != *needed) {
    return invalid_input("tensor {}: {} of shape {} needs {} bytes, data_offsets give it {}",
                         entry.name, entry.dtype, shape_text(entry.shape), *needed, end - begin);
  }
  return TensorView{std::move(entry.name), *dtype, std::move(entry.shape), data.data() + begin,
                    *needed};
}

// The sorted spans must follow each other without gap and reach the end.
Status check_cover(const std::vector<TensorView>& sorted, std::span<const uint8_t> data) {
  const uint8_t* next = data.data();
  for (const TensorView& tensor : sorted) {
    if (tensor.data != next) {
      return invalid_input("tensor {} {}; the file is damaged, fetch it again", tensor.name,
                           tensor.data < next ? "overlaps another one" : "leaves a hole before it");
    }
    next += tensor.bytes;
  }
  size_t rest = data.size() - static_cast<size_t>(next - data.data());
  if (rest != 0) return invalid_input("{} bytes at the end belong to no tensor", rest);
  return {};
}

}  // namespace

Result<SafetensorsContents> parse_safetensors(std::span<const uint8_t> bytes) {
  TRY(refuse_lfs_pointer(bytes));
  if (bytes.size() < kPrefixBytes) {
    return invalid_input("{} bytes are too few for a safetensors file; fetch it again",
                         bytes.size());
  }
  uint64_t header_size = load<uint64_t>(bytes.data());
  if (header_size > kSafetensorsHeaderMax) {
    return invalid_input(
        "the header claims {} bytes, at most {} are allowed; this is no safetensors file",
        header_size, kSafetensorsHeaderMax);
  }
  if (header_size > bytes.size() - kPrefixBytes) {
    return invalid_input(
        "the header claims {} bytes, the file has {}; it is cut short, fetch it again", header_size,
        bytes.size());
  }
  std::string_view json(reinterpret_cast<const char*>(bytes.data()) + kPrefixBytes, header_size);
  if (!json.starts_with('{')) return invalid_input("the header does not begin with '{{'");
  SafetensorsHeader header = TRY(parse_safetensors_header(json));
  std::span<const uint8_t> data = bytes.subspan(kPrefixBytes + header_size);
  SafetensorsContents contents;
  contents.metadata = std::move(header.metadata);
  contents.tensors.reserve(header.entries.size());
  for (SafetensorsEntry& entry : header.entries) {
    contents.tensors.push_back(TRY(view_of(std::move(entry), data)));
  }
  std::sort(contents.tensors.begin(), contents.tensors.end(),
            [](const TensorView& a, const TensorView& b) {
              return std::tie(a.data, a.bytes, a.name) < std::tie(b.data, b.bytes, b.name);
            });
  TRY(check_cover(contents.tensors, data));
  return contents;
}

Result<SafetensorsFile> SafetensorsFile::open(const std::string& path) {
  SafetensorsFile opened;
  opened.file_ = std::make_shared<const MappedFile>(TRY(MappedFile::open(path)));
  Result<SafetensorsContents> contents =
      parse_safetensors({opened.file_->data(), opened.file_->size()});
  if (!contents.ok()) return contents.error().with_context(path);
  auto index = std::make_shared<std::map<std::string, size_t>>();
  for (size_t i = 0; i < contents->tensors.size(); ++i) (*index)[contents->tensors[i].name] = i;
  opened.contents_ = std::make_shared<const SafetensorsContents>(std::move(*contents));
  opened.index_ = std::move(index);
  return opened;
}

std::vector<std::string> SafetensorsFile::names() const {
  std::vector<std::string> names;
  for (const auto& [name, position] : *index_) names.push_back(name);
  return names;
}

const TensorView* SafetensorsFile::find(const std::string& name) const {
  auto found = index_->find(name);
  return found == index_->end() ? nullptr : &contents_->tensors[found->second];
}

}  // namespace attune::weights
