// TensorBoard event files: records of a protocol-buffer Event, framed as TFRecord (length, masked
// CRC-32C of the length, bytes, masked CRC-32C of the bytes). Only what curves need is written: the
// file version, scalars, and the mark at which a resumed run goes on.
//
// Not thread-safe. Errors name the file.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace attune::engine::train {

// CRC-32C (Castagnoli), and TFRecord's masked form of it.
uint32_t crc32c(std::string_view bytes);
uint32_t masked_crc32c(std::string_view bytes);

// One TFRecord with its two checksums.
std::string tfrecord(std::string_view payload);

using Scalars = std::vector<std::pair<std::string, double>>;

// Event messages, unframed. wall_time_s is seconds since 1970.
std::string version_event(double wall_time_s);
std::string scalars_event(double wall_time_s, int64_t step, const Scalars& scalars);
// TensorBoard drops what earlier files of the folder say about `step` and later.
std::string start_event(double wall_time_s, int64_t step);

class TensorBoardWriter {
 public:
  // Creates `folder`/events.out.tfevents.<seconds>.attune; the first events are version and start.
  static Result<std::unique_ptr<TensorBoardWriter>> create(const std::string& folder,
                                                           int64_t first_step);
  ~TensorBoardWriter();
  TensorBoardWriter(const TensorBoardWriter&) = delete;
  TensorBoardWriter& operator=(const TensorBoardWriter&) = delete;

  Status write(int64_t step, const Scalars& scalars);
  const std::string& path() const { return path_; }

 private:
  TensorBoardWriter(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  Status append(const std::string& payload);
  std::string path_;
  int fd_;
};

}  // namespace attune::engine::train
