#include "data/packed.h"

#include "data/gzip.h"
#include "data/zstd.h"

namespace attune::data {

bool is_packed(std::string_view bytes) {
  return is_gzip(bytes) || is_zstd(bytes);
}

Result<Unpacked> Unpacked::unpack(std::string_view packed, const UnpackLimits& limits) {
  Unpacked result;
  std::unique_ptr<AtomicFile> file;
  size_t total = 0;
  const auto take = [&](std::string_view piece) -> Status {
    total += piece.size();
    if (total > limits.bytes_max) {
      return invalid_input("unpacks to more than {} MiB", limits.bytes_max >> 20);
    }
    if (total > limits.in_memory_max && total / limits.times_max > packed.size()) {
      return invalid_input("unpacks to more than {} times its size; if it is what it should be, "
                           "unpack it first",
                           limits.times_max);
    }
    if (file == nullptr && total > limits.in_memory_max) {
      result.directory_ = TRY(TemporaryDirectory::create());
      file = TRY(AtomicFile::create(result.directory_->file("rows")));
      TRY(file->write(result.text_));
      result.text_ = std::string();
    }
    if (file != nullptr) return file->write(piece);
    result.text_ += piece;
    return {};
  };
  TRY(is_gzip(packed) ? unpack_gzip(packed, take) : unpack_zstd(packed, take));
  if (file != nullptr) {
    TRY(file->commit());
    result.mapped_ = TRY(MappedFile::open(result.directory_->file("rows")));
  }
  return result;
}

}  // namespace attune::data
