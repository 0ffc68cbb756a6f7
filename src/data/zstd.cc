#include "data/zstd.h"

#include <zstd.h>
#include <zstd_errors.h>

#include <memory>
#include <string>

namespace attune::data {
namespace {

struct FreeStream {
  void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
};

Error damaged(size_t code) {
  if (ZSTD_getErrorCode(code) == ZSTD_error_memory_allocation) {
    return make_error(ErrorCode::kInternal, "out of memory");
  }
  if (ZSTD_getErrorCode(code) == ZSTD_error_frameParameter_windowTooLarge) {
    return invalid_input("the zstd file needs a window of more than 128 MiB; unpack it first "
                         "(unzstd --long=31)");
  }
  return invalid_input("the zstd file is damaged: {}", ZSTD_getErrorName(code));
}

}  // namespace

Status unpack_zstd(std::string_view bytes, const OnBytes& on_bytes) {
  const std::unique_ptr<ZSTD_DStream, FreeStream> stream(ZSTD_createDStream());
  if (!stream) return make_error(ErrorCode::kInternal, "zstd cannot be started");
  std::string chunk(ZSTD_DStreamOutSize(), '\0');
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  size_t wanted = 1;  // 0 where a frame has ended
  bool full = false;  // the last piece filled the chunk: more may be held back
  while (in.pos < in.size || full) {
    ZSTD_outBuffer out{chunk.data(), chunk.size(), 0};
    wanted = ZSTD_decompressStream(stream.get(), &out, &in);
    if (ZSTD_isError(wanted) != 0) return damaged(wanted);
    full = out.pos == out.size;
    if (out.pos > 0) TRY(on_bytes(std::string_view(chunk).substr(0, out.pos)));
  }
  if (wanted != 0) return invalid_input("the zstd file is cut short");
  return {};
}

}  // namespace attune::data
