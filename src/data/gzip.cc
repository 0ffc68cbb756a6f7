#include "data/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <string>

namespace attune::data {
namespace {

constexpr int kGzipWindow = 15 + 16;  // the largest window, and gzip's header alone
constexpr size_t kChunkBytes = size_t{1} << 20;

// zlib's stream, which must be ended whatever happens.
class Inflater {
 public:
  Inflater() { ready_ = inflateInit2(&stream_, kGzipWindow) == Z_OK; }
  ~Inflater() {
    if (ready_) inflateEnd(&stream_);
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  bool ready() const { return ready_; }

  // Unpacks one member from the start of `bytes`, and takes it off `bytes`.
  Status unpack_member(std::string_view& bytes, const OnBytes& on_bytes) {
    inflateReset(&stream_);
    for (int state = Z_OK; state != Z_STREAM_END;) {
      const size_t piece = std::min<size_t>(bytes.size(), std::numeric_limits<uInt>::max() / 2);
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
      stream_.avail_in = static_cast<uInt>(piece);
      stream_.next_out = reinterpret_cast<Bytef*>(chunk_.data());
      stream_.avail_out = static_cast<uInt>(chunk_.size());
      state = inflate(&stream_, Z_NO_FLUSH);
      bytes.remove_prefix(piece - stream_.avail_in);
      const size_t made = chunk_.size() - stream_.avail_out;
      if (made > 0) TRY(on_bytes(std::string_view(chunk_).substr(0, made)));
      if (state == Z_BUF_ERROR) return invalid_input("the gzip file is cut short");
      if (state == Z_MEM_ERROR) return make_error(ErrorCode::kInternal, "out of memory");
      if (state != Z_OK && state != Z_STREAM_END) {
        return invalid_input("the gzip file is damaged: {}",
                             stream_.msg == nullptr ? "no such data" : stream_.msg);
      }
    }
    return {};
  }

 private:
  z_stream stream_ = {};
  std::string chunk_ = std::string(kChunkBytes, '\0');
  bool ready_ = false;
};

}  // namespace

Status unpack_gzip(std::string_view bytes, const OnBytes& on_bytes) {
  Inflater inflater;
  if (!inflater.ready()) return make_error(ErrorCode::kInternal, "zlib cannot be started");
  do {
    TRY(inflater.unpack_member(bytes, on_bytes));
    const size_t next = bytes.find_first_not_of('\0');  // tapes and disks pad with zeros
    bytes.remove_prefix(std::min(next, bytes.size()));
  } while (!bytes.empty());
  return {};
}

}  // namespace attune::data
