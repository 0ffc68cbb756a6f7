// Files that are either whole or absent. Everything Attune writes goes to a temporary name first,
// is synced, and is renamed into place, so that a crash or a full disk leaves nothing half-written.
// Errors (kNotFound, kIo) name the path and what the system said. No function here is
// interruptible.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace attune {

// The whole file. Directories, files that cannot be read, and files above `limit_bytes` (of which
// no more than that is read) are errors.
Result<std::string> read_file(const std::string& path, size_t limit_bytes = SIZE_MAX);

// Replaces `path` by `bytes` in one step (temporary name, fsync, rename, fsync of the directory);
// see AtomicFile.
Status write_file(const std::string& path, std::string_view bytes);

// A read-only view of a file's bytes, mapped into memory; empty files have size 0 and null data.
// Movable. The view lives as long as the object; the file must not be truncated meanwhile.
class MappedFile {
 public:
  static Result<MappedFile> open(const std::string& path);
  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  const uint8_t* data() const { return data_; }
  size_t size() const { return size_; }
  std::string_view text() const { return {reinterpret_cast<const char*>(data_), size_}; }
  const std::string& path() const { return path_; }

 private:
  const uint8_t* data_ = nullptr;
  size_t size_ = 0;
  std::string path_;
};

// Writes a large file piece by piece; it appears under `path` only when commit() succeeds.
// Destroyed without commit(), it leaves nothing; nor does a process that is killed, but for a file
// named `path`.tmp-PROCESS-NUMBER where the file system has no nameless files. A link is kept and
// what it leads to is replaced; owner and rights of a file that was there are kept. A device or
// pipe (/dev/stdout, /dev/null) is written to as it is. Not thread-safe.
class AtomicFile {
 public:
  static Result<std::unique_ptr<AtomicFile>> create(const std::string& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  Status write(const void* bytes, size_t size);
  Status write(std::string_view bytes) { return write(bytes.data(), bytes.size()); }
  Status commit();

 private:
  enum class Kind { kNameless, kNamed, kDevice };

  AtomicFile() = default;
  std::string path_;       // as the caller named it, for errors
  std::string target_;     // what the temporary file is renamed to
  std::string temporary_;  // "" while the file has no name
  Kind kind_ = Kind::kNamed;
  int fd_ = -1;
};

// Appends whole lines to a log-like file; each append is one write(2), so a killed process leaves
// at most one cut line, which readers ignore and the next open() removes. An append that fails (a
// full disk) takes back what it wrote. One writer at a time; not thread-safe.
class AppendFile {
 public:
  static Result<std::unique_ptr<AppendFile>> open(const std::string& path);
  ~AppendFile();
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;

  Status append_line(std::string_view line);  // adds the newline
  Status sync();

 private:
  AppendFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  std::string path_;
  int fd_;
};

bool exists(const std::string& path);
bool is_directory(const std::string& path);
Result<uint64_t> file_size_bytes(const std::string& path);
// With its missing parents, durably.
Status make_directories(const std::string& path);
// Removes a file or a whole directory; absent is success.
Status remove_all(const std::string& path);
// Renames within a file system and syncs both directories.
Status rename_path(const std::string& from, const std::string& to);
// Names (not paths) in a directory, sorted.
Result<std::vector<std::string>> list_directory(const std::string& path);
// Makes a rename or creation inside `path` durable. Where the system does not let us (no right to
// read the directory, a file system that cannot), that is no error.
Status sync_directory(const std::string& path);
// `a/b` with exactly one slash.
std::string join_path(std::string_view a, std::string_view b);

// A fresh directory under TMPDIR that is removed with the object; for tests and transfers.
class TemporaryDirectory {
 public:
  // kIo and kNotFound name the directory and TMPDIR.
  static Result<std::unique_ptr<TemporaryDirectory>> create();
  TemporaryDirectory();  // for tests: a TMPDIR that cannot be written to is a failed CHECK
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::string& path() const { return path_; }
  std::string file(std::string_view name) const { return join_path(path_, name); }

 private:
  explicit TemporaryDirectory(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace attune
