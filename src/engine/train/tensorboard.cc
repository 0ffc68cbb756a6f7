#include "engine/train/tensorboard.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "base/file.h"

namespace attune::engine::train {
namespace {

constexpr std::array<uint32_t, 256> make_crc_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78U : 0U);
    table[i] = crc;
  }
  return table;
}

void put_fixed(std::string& out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>((value >> (8 * i)) & 0xFF));
}

void put_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

// Protocol-buffer fields: key is (number << 3) | wire type.
void put_double(std::string& out, int field, double value) {
  put_varint(out, static_cast<uint64_t>(field << 3 | 1));
  put_fixed(out, std::bit_cast<uint64_t>(value), 8);
}
void put_float(std::string& out, int field, float value) {
  put_varint(out, static_cast<uint64_t>(field << 3 | 5));
  put_fixed(out, std::bit_cast<uint32_t>(value), 4);
}
void put_int(std::string& out, int field, int64_t value) {
  put_varint(out, static_cast<uint64_t>(field << 3));
  put_varint(out, static_cast<uint64_t>(value));
}
void put_bytes(std::string& out, int field, std::string_view bytes) {
  put_varint(out, static_cast<uint64_t>(field << 3 | 2));
  put_varint(out, bytes.size());
  out.append(bytes);
}

double now_s() {
  using std::chrono::duration;
  return duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

uint32_t crc32c(std::string_view bytes) {
  static constexpr std::array<uint32_t, 256> kTable = make_crc_table();
  uint32_t crc = 0xFFFFFFFFU;
  for (const char c : bytes) crc = (crc >> 8) ^ kTable[(crc ^ static_cast<uint8_t>(c)) & 0xFF];
  return ~crc;
}

uint32_t masked_crc32c(std::string_view bytes) {
  return std::rotr(crc32c(bytes), 15) + 0xA282EAD8U;
}

std::string tfrecord(std::string_view payload) {
  std::string length;
  put_fixed(length, payload.size(), 8);
  std::string record = length;
  put_fixed(record, masked_crc32c(length), 4);
  record.append(payload);
  put_fixed(record, masked_crc32c(payload), 4);
  return record;
}

// Event { double wall_time = 1; int64 step = 2; string file_version = 3; Summary summary = 5;
// SessionLog session_log = 7; }
std::string version_event(double wall_time_s) {
  std::string event;
  put_double(event, 1, wall_time_s);
  put_bytes(event, 3, "brain.Event:2");
  return event;
}

// Summary { repeated Value value = 1; }, Value { string tag = 1; float simple_value = 2; }
std::string scalars_event(double wall_time_s, int64_t step, const Scalars& scalars) {
  std::string summary;
  for (const auto& [tag, value] : scalars) {
    std::string entry;
    put_bytes(entry, 1, tag);
    put_float(entry, 2, static_cast<float>(value));
    put_bytes(summary, 1, entry);
  }
  std::string event;
  put_double(event, 1, wall_time_s);
  put_int(event, 2, step);
  put_bytes(event, 5, summary);
  return event;
}

// SessionLog { SessionStatus status = 1; }, START = 1
std::string start_event(double wall_time_s, int64_t step) {
  std::string session;
  put_int(session, 1, 1);
  std::string event;
  put_double(event, 1, wall_time_s);
  put_int(event, 2, step);
  put_bytes(event, 7, session);
  return event;
}

Result<std::unique_ptr<TensorBoardWriter>> TensorBoardWriter::create(const std::string& folder,
                                                                     int64_t first_step) {
  const double now = now_s();
  std::string path;
  int fd = -1;
  for (int64_t suffix = 0; fd < 0; ++suffix) {  // two runs may start within a second
    path = join_path(folder, fmt::format("events.out.tfevents.{}.{}.attune",
                                         static_cast<int64_t>(now), suffix));
    fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0 && errno != EEXIST) {
      return io_error("{}: cannot be created: {}", path, std::strerror(errno));
    }
  }
  std::unique_ptr<TensorBoardWriter> writer(new TensorBoardWriter(path, fd));
  TRY(writer->append(version_event(now)));
  TRY(writer->append(start_event(now, first_step)));
  return writer;
}

TensorBoardWriter::~TensorBoardWriter() { ::close(fd_); }

Status TensorBoardWriter::append(const std::string& payload) {
  const std::string record = tfrecord(payload);
  size_t done = 0;
  while (done < record.size()) {
    const ssize_t count = ::write(fd_, record.data() + done, record.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return io_error("{}: cannot be written: {}", path_, std::strerror(errno));
    done += static_cast<size_t>(count);
  }
  return {};
}

Status TensorBoardWriter::write(int64_t step, const Scalars& scalars) {
  return append(scalars_event(now_s(), step, scalars));
}

}  // namespace attune::engine::train
