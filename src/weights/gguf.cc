#include "weights/gguf.h"

#include <algorithm>
#include <set>

#include "weights/half.h"
#include "weights/lfs_pointer.h"

namespace attune::weights {
namespace {

constexpr uint32_t kMagic = 0x46554747;  // "GGUF"
constexpr int kListDepthMax = 4;
constexpr uint32_t kRankMax = 4;
constexpr uint64_t kAlignmentMax = uint64_t{1} << 20;

// Walks the header; every read is checked against what is left of the file.
class Cursor {
 public:
  explicit Cursor(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  size_t position() const { return position_; }
  size_t left() const { return bytes_.size() - position_; }

  template <typename T>
  Result<T> number() {
    return load<T>(TRY(take(sizeof(T))).data());
  }
  Result<std::span<const uint8_t>> take(uint64_t size) {
    if (size > left()) {
      return invalid_input(
          "the file ends at byte {}, {} bytes more are needed after byte {}; it is cut "
          "short or damaged, fetch it again",
          bytes_.size(), size, position_);
    }
    auto part = bytes_.subspan(position_, size);
    position_ += size;
    return part;
  }
  Result<std::string_view> text() {
    uint64_t length = TRY(number<uint64_t>());
    auto part = TRY(take(length));
    return std::string_view(reinterpret_cast<const char*>(part.data()), part.size());
  }
  std::span<const uint8_t> since(size_t begin) const {
    return bytes_.subspan(begin, position_ - begin);
  }

 private:
  std::span<const uint8_t> bytes_;
  size_t position_ = 0;
};

size_t fixed_bytes(GgufType type) {
  static constexpr uint8_t kSizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  return kSizes[static_cast<size_t>(type)];
}

Result<GgufType> read_type(Cursor& cursor) {
  uint32_t type = TRY(cursor.number<uint32_t>());
  if (type > static_cast<uint32_t>(GgufType::kF64)) {
    return invalid_input("value type {} does not exist (0 to 12 do); the file is damaged", type);
  }
  return static_cast<GgufType>(type);
}

Status skip_elements(Cursor& cursor, GgufType type, uint64_t count, int depth) {
  if (size_t size = fixed_bytes(type); size > 0) {
    if (count > cursor.left() / size) {
      return invalid_input("a list claims {} elements, the file has {} bytes left; it is damaged",
                           count, cursor.left());
    }
    TRY(cursor.take(count * size));
    return {};
  }
  // A string takes at least 8 bytes, a list at least 12.
  if (count > cursor.left() / 8) {
    return invalid_input("a list claims {} elements, the file has {} bytes left; it is damaged",
                         count, cursor.left());
  }
  for (uint64_t i = 0; i < count; ++i) {
    if (type == GgufType::kString) {
      TRY(cursor.text());
      continue;
    }
    if (depth >= kListDepthMax)
      return unsupported("lists are nested deeper than {}", kListDepthMax);
    GgufType inner = TRY(read_type(cursor));
    uint64_t inner_count = TRY(cursor.number<uint64_t>());
    TRY(skip_elements(cursor, inner, inner_count, depth + 1));
  }
  return {};
}

Result<GgufValue> read_value(Cursor& cursor) {
  GgufValue value;
  value.type = TRY(read_type(cursor));
  if (value.type == GgufType::kString) {
    uint64_t length = TRY(cursor.number<uint64_t>());
    value.payload = TRY(cursor.take(length));
    return value;
  }
  if (value.type == GgufType::kArray) {
    value.element = TRY(read_type(cursor));
    value.count = TRY(cursor.number<uint64_t>());
    size_t begin = cursor.position();
    TRY(skip_elements(cursor, value.element, value.count, 1));
    value.payload = cursor.since(begin);
    return value;
  }
  value.payload = TRY(cursor.take(fixed_bytes(value.type)));
  return value;
}

Status read_metadata(Cursor& cursor, uint64_t count, GgufContents& contents) {
  for (uint64_t i = 0; i < count; ++i) {
    std::string key(TRY(cursor.text()));
    Result<GgufValue> value = read_value(cursor);
    if (!value.ok()) return value.error().with_context("key " + key);
    if (!contents.metadata.emplace(key, *value).second) {
      return invalid_input("key {} appears twice", key);
    }
  }
  auto alignment = contents.metadata.find("general.alignment");
  if (alignment == contents.metadata.end()) return {};
  Result<int64_t> value = alignment->second.as_int();
  if (!value.ok()) return value.error().with_context("key general.alignment");
  contents.alignment = static_cast<uint64_t>(*value);
  if (*value <= 0 || contents.alignment > kAlignmentMax || (*value & (*value - 1)) != 0) {
    return invalid_input("key general.alignment: {} is no power of two up to 2^20", *value);
  }
  return {};
}

// A tensor's description; `data` is set by place_tensors from the offset that is returned.
Result<uint64_t> read_tensor(Cursor& cursor, TensorView& tensor) {
  uint32_t rank = TRY(cursor.number<uint32_t>());
  if (rank > kRankMax) return unsupported("{} dimensions; at most {} are known", rank, kRankMax);
  for (uint32_t i = 0; i < rank; ++i) {
    int64_t size = TRY(cursor.number<int64_t>());
    tensor.shape.insert(tensor.shape.begin(), size);
  }
  uint32_t type = TRY(cursor.number<uint32_t>());
  std::optional<DType> dtype = dtype_from_gguf(type);
  if (!dtype) {
    return unsupported(
        "tensor type {} is not supported; use a file in F32, F16, BF16, Q4_0, Q4_1, Q5_0, "
        "Q5_1, Q8_0 or Q2_K to Q6_K",
        type);
  }
  tensor.dtype = *dtype;
  tensor.bytes = TRY(byte_count(tensor.dtype, tensor.shape));
  return cursor.number<uint64_t>();
}

struct Extent {
  uint64_t begin;
  uint64_t end;
  size_t tensor;
};

Status place_tensors(std::span<const uint8_t> data, std::vector<Extent> extents,
                     GgufContents& contents) {
  for (const Extent& extent : extents) {
    TensorView& tensor = contents.tensors[extent.tensor];
    if (extent.begin % contents.alignment != 0) {
      return invalid_input("tensor {}: offset {} is no multiple of the alignment {}", tensor.name,
                           extent.begin, contents.alignment);
    }
    if (extent.begin > data.size() || tensor.bytes > data.size() - extent.begin) {
      return invalid_input(
          "tensor {}: its {} bytes at offset {} go beyond the {} bytes of data; the file "
          "is cut short, fetch it again",
          tensor.name, tensor.bytes, extent.begin, data.size());
    }
    tensor.data = data.data() + extent.begin;
  }
  std::sort(extents.begin(), extents.end(), [](const Extent& a, const Extent& b) {
    return std::tie(a.begin, a.end) < std::tie(b.begin, b.end);
  });
  for (size_t i = 1; i < extents.size(); ++i) {
    if (extents[i].begin < extents[i - 1].end) {
      return invalid_input("tensors {} and {} overlap; the file is damaged",
                           contents.tensors[extents[i - 1].tensor].name,
                           contents.tensors[extents[i].tensor].name);
    }
  }
  return {};
}

Status read_tensors(std::span<const uint8_t> bytes, Cursor& cursor, uint64_t count,
                    GgufContents& contents) {
  std::vector<Extent> extents;
  std::set<std::string> names;
  for (uint64_t i = 0; i < count; ++i) {
    TensorView tensor;
    tensor.name = std::string(TRY(cursor.text()));
    Result<uint64_t> offset = read_tensor(cursor, tensor);
    if (!offset.ok()) return offset.error().with_context("tensor " + tensor.name);
    if (!names.insert(tensor.name).second)
      return invalid_input("tensor {} appears twice", tensor.name);
    uint64_t end = 0;
    if (__builtin_add_overflow(*offset, tensor.bytes, &end)) {
      return invalid_input("tensor {}: offset {} is too large", tensor.name, *offset);
    }
    extents.push_back({*offset, end, contents.tensors.size()});
    contents.tensors.push_back(std::move(tensor));
  }
  uint64_t padding =
      (contents.alignment - cursor.position() % contents.alignment) % contents.alignment;
  uint64_t begin = cursor.position() + std::min<uint64_t>(padding, cursor.left());
  return place_tensors(bytes.subspan(begin), std::move(extents), contents);
}

}  // namespace

Result<GgufContents> parse_gguf(std::span<const uint8_t> bytes) {
  TRY(refuse_lfs_pointer(bytes));
  Cursor cursor(bytes);
  if (bytes.size() < 4 || TRY(cursor.number<uint32_t>()) != kMagic) {
    return invalid_input("this is no GGUF file (it does not begin with \"GGUF\")");
  }
  GgufContents contents;
  contents.version = TRY(cursor.number<uint32_t>());
  if (contents.version != 2 && contents.version != 3) {
    return unsupported(
        "GGUF version {} is not supported, versions 2 and 3 (little-endian) are; convert "
        "the file again with a current tool",
        contents.version);
  }
  uint64_t tensor_count = TRY(cursor.number<uint64_t>());
  uint64_t key_count = TRY(cursor.number<uint64_t>());
  TRY(read_metadata(cursor, key_count, contents));
  TRY(read_tensors(bytes, cursor, tensor_count, contents));
  return contents;
}

Result<GgufFile> GgufFile::open(const std::string& path) {
  GgufFile opened;
  opened.file_ = std::make_shared<const MappedFile>(TRY(MappedFile::open(path)));
  Result<GgufContents> contents = parse_gguf({opened.file_->data(), opened.file_->size()});
  if (!contents.ok()) return contents.error().with_context(path);
  auto index = std::make_shared<std::map<std::string, size_t>>();
  for (size_t i = 0; i < contents->tensors.size(); ++i) (*index)[contents->tensors[i].name] = i;
  opened.contents_ = std::make_shared<const GgufContents>(std::move(*contents));
  opened.index_ = std::move(index);
  return opened;
}

}  // namespace attune::weights
