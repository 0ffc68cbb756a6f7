#include "base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace attune {
namespace {

namespace fs = std::filesystem;

// What somebody can do about an error of the system, with a semicolon before it; "" where only the
// system's own words help.
const char* remedy_for(int number) {
  switch (number) {
    case EACCES:
    case EPERM:
      return "; see who may use it and its folder (ls -ld), or choose another path";
    case EISDIR:
      return "; give the name of a file";
    case EROFS:
      return "; choose a path on a disk that can be written";
    case ENOTDIR:
    case ELOOP:
      return "; check the path";
    case ENAMETOOLONG:
      return "; choose a shorter name";
    case EMFILE:
    case ENFILE:
      return "; close some, or raise the limit (ulimit -n)";
    default:
      return "";
  }
}

Error system_error(const std::string& path, const char* what, int number) {
  if (number == ENOENT) {
    return not_found("{}: {}: no such file or directory; check the path", path, what);
  }
  if (number == ENOSPC || number == EDQUOT)
    return io_error("{}: {}: the disk is full; free some space and try again", path, what);
  if (number == EFBIG)
    return io_error("{}: {}: larger than a file may be here (see ulimit -f)", path, what);
  return io_error("{}: {}: {}{}", path, what, std::strerror(number), remedy_for(number));
}

Status write_all(int fd, const char* bytes, size_t size, const std::string& path) {
  while (size > 0) {
    ssize_t n = ::write(fd, bytes, size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error(path, "cannot write", errno);
    bytes += n;
    size -= static_cast<size_t>(n);
  }
  return {};
}

std::string parent_of(const std::string& path) {
  std::string parent = fs::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

// The file that `path` leads to, so that replacing it does not replace a link.
std::string behind_links(const std::string& path) {
  std::error_code failure;
  if (!fs::is_symlink(fs::symlink_status(path, failure))) return path;
  fs::path target = fs::canonical(path, failure);
  return failure ? path : target.string();
}

std::string temporary_name(const std::string& path) {
  static std::atomic<int> counter{0};
  return fmt::format("{}.tmp-{}-{}", path, ::getpid(), counter++);
}

// Where the last line that has its end ends.
Result<off_t> end_of_last_line(int fd, off_t size, const std::string& path) {
  char block[4096];
  while (size > 0) {
    off_t begin = std::max<off_t>(0, size - static_cast<off_t>(sizeof block));
    ssize_t n = ::pread(fd, block, static_cast<size_t>(size - begin), begin);
    if (n <= 0) return system_error(path, "cannot read", n < 0 ? errno : EIO);
    size_t newline = std::string_view(block, static_cast<size_t>(n)).rfind('\n');
    if (newline != std::string_view::npos) return begin + static_cast<off_t>(newline) + 1;
    size = begin;
  }
  return off_t{0};
}

std::string temporary_template() {
  const char* base = std::getenv("TMPDIR");
  return join_path(base != nullptr && *base != '\0' ? base : "/tmp", "attune-XXXXXX");
}

// Owns a descriptor until release().
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace

Result<std::string> read_file(const std::string& path, size_t limit_bytes) {
  Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return system_error(path, "cannot open", errno);
  struct stat info;
  if (::fstat(fd.get(), &info) != 0) return system_error(path, "cannot stat", errno);
  if (S_ISDIR(info.st_mode)) {
    return invalid_input("{}: is a directory; give the name of a file", path);
  }
  Error too_large = invalid_input("{}: is larger than the {} bytes that such a file may have", path,
                                  limit_bytes);
  std::string bytes;
  if (S_ISREG(info.st_mode)) {
    if (static_cast<uint64_t>(info.st_size) > limit_bytes) return too_large;
    bytes.reserve(static_cast<size_t>(info.st_size));
  }
  char buffer[1 << 16];
  for (;;) {
    ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error(path, "cannot read", errno);
    if (n == 0) return bytes;
    if (static_cast<size_t>(n) > limit_bytes - bytes.size()) return too_large;
    bytes.append(buffer, static_cast<size_t>(n));
  }
}

Status write_file(const std::string& path, std::string_view bytes) {
  auto file = TRY(AtomicFile::create(path));
  TRY(file->write(bytes));
  return file->commit();
}

Result<MappedFile> MappedFile::open(const std::string& path) {
  Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return system_error(path, "cannot open", errno);
  struct stat info;
  if (::fstat(fd.get(), &info) != 0) return system_error(path, "cannot stat", errno);
  if (!S_ISREG(info.st_mode)) {
    return invalid_input("{}: is no regular file; give the name of one", path);
  }
  MappedFile file;
  file.path_ = path;
  file.size_ = static_cast<size_t>(info.st_size);
  if (file.size_ == 0) return file;
  void* address = ::mmap(nullptr, file.size_, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (address == MAP_FAILED) return system_error(path, "cannot map", errno);
  file.data_ = static_cast<const uint8_t*>(address);
  return file;
}

MappedFile::MappedFile(MappedFile&& other) noexcept {
  *this = std::move(other);
}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(path_, other.path_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<uint8_t*>(data_), size_);
}

// Until it is whole the file has no name at all, so that even kill -9 leaves nothing. Not every
// file system has such files: there it has its temporary name from the start.
Result<std::unique_ptr<AtomicFile>> AtomicFile::create(const std::string& path) {
  std::string target = behind_links(path);
  struct stat old;
  bool replaces = ::stat(target.c_str(), &old) == 0;
  if (replaces && S_ISDIR(old.st_mode)) {
    return invalid_input("{}: is a directory; give the name of a file", path);
  }
  Kind kind = replaces && !S_ISREG(old.st_mode) ? Kind::kDevice : Kind::kNameless;
  std::string temporary;
  int fd = kind == Kind::kDevice
               ? ::open(target.c_str(), O_WRONLY | O_NOCTTY | O_CLOEXEC)
               : ::open(parent_of(target).c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0644);
  if (fd < 0 && kind == Kind::kNameless) {
    kind = Kind::kNamed;
    temporary = temporary_name(target);
    fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  }
  if (fd < 0 && errno == ENOENT) {
    return not_found("{}: cannot create: no such file or directory; make its folder first", path);
  }
  if (fd < 0) return system_error(path, "cannot create", errno);
  if (replaces && kind != Kind::kDevice) {
    // As far as we may: a file of somebody else becomes ours, as an editor would have it.
    [[maybe_unused]] int owner = ::fchown(fd, old.st_uid, old.st_gid);
    [[maybe_unused]] int rights = ::fchmod(fd, old.st_mode & 0777);
  }
  std::unique_ptr<AtomicFile> file(new AtomicFile);
  file->path_ = path;
  file->target_ = std::move(target);
  file->temporary_ = std::move(temporary);
  file->kind_ = kind;
  file->fd_ = fd;
  return file;
}

AtomicFile::~AtomicFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Status AtomicFile::write(const void* bytes, size_t size) {
  CHECK(fd_ >= 0, "write after commit: {}", path_);
  return write_all(fd_, static_cast<const char*>(bytes), size, path_);
}

Status AtomicFile::commit() {
  CHECK(fd_ >= 0, "second commit: {}", path_);
  if (kind_ == Kind::kDevice) {  // nothing to sync
    int closed = ::close(fd_);
    fd_ = -1;
    if (closed != 0) return system_error(path_, "cannot write", errno);
    return {};
  }
  if (::fsync(fd_) != 0) return system_error(path_, "cannot sync", errno);
  if (kind_ == Kind::kNameless) {
    std::string name = temporary_name(target_);  // a link cannot replace a file, a rename can
    std::string file = fmt::format("/proc/self/fd/{}", fd_);
    if (::linkat(AT_FDCWD, file.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) != 0) {
      return system_error(path_, "cannot give the file its name", errno);
    }
    temporary_ = std::move(name);
  }
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) {
    return system_error(path_, "cannot rename into place", errno);
  }
  ::close(fd_);
  fd_ = -1;
  return sync_directory(parent_of(target_));
}

Result<std::unique_ptr<AppendFile>> AppendFile::open(const std::string& path) {
  int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) return system_error(path, "cannot open for appending", errno);
  std::unique_ptr<AppendFile> file(new AppendFile(path, fd));
  struct stat info;
  if (::fstat(fd, &info) != 0) return system_error(path, "cannot stat", errno);
  if (!S_ISREG(info.st_mode)) return file;
  off_t end = TRY(end_of_last_line(fd, info.st_size, path));
  if (end != info.st_size && ::ftruncate(fd, end) != 0) {
    return system_error(path, "cannot remove its cut last line", errno);
  }
  return file;
}

AppendFile::~AppendFile() {
  ::close(fd_);
}

Status AppendFile::append_line(std::string_view line) {
  std::string with_newline(line);
  with_newline += '\n';
  struct stat before;
  bool can_take_back = ::fstat(fd_, &before) == 0 && S_ISREG(before.st_mode);
  Status written = write_all(fd_, with_newline.data(), with_newline.size(), path_);
  if (!written.ok() && can_take_back) {
    [[maybe_unused]] int cut = ::ftruncate(fd_, before.st_size);
  }
  return written;
}

Status AppendFile::sync() {
  if (::fsync(fd_) != 0) return system_error(path_, "cannot sync", errno);
  return {};
}

bool exists(const std::string& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

bool is_directory(const std::string& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

Result<uint64_t> file_size_bytes(const std::string& path) {
  std::error_code failure;
  uint64_t size = fs::file_size(path, failure);
  if (failure) return system_error(path, "cannot read its size", failure.value());
  return size;
}

Status make_directories(const std::string& path) {
  std::vector<std::string> missing;
  for (std::string at = path; !at.empty() && !exists(at); at = fs::path(at).parent_path()) {
    missing.push_back(at);
  }
  std::error_code failure;
  fs::create_directories(path, failure);
  if (failure) return system_error(path, "cannot create the directory", failure.value());
  for (const std::string& made : missing) TRY(sync_directory(parent_of(made)));
  return {};
}

Status remove_all(const std::string& path) {
  std::error_code failure;
  fs::remove_all(path, failure);
  if (failure) return system_error(path, "cannot remove", failure.value());
  return {};
}

Status rename_path(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0)
    return system_error(to, "cannot rename into place", errno);
  if (parent_of(from) != parent_of(to)) TRY(sync_directory(parent_of(from)));
  return sync_directory(parent_of(to));
}

Result<std::vector<std::string>> list_directory(const std::string& path) {
  std::error_code failure;
  std::vector<std::string> names;
  for (fs::directory_iterator it(path, failure), end; !failure && it != end;
       it.increment(failure)) {
    names.push_back(it->path().filename().string());
  }
  if (failure) return system_error(path, "cannot list", failure.value());
  std::sort(names.begin(), names.end());
  return names;
}

Status sync_directory(const std::string& path) {
  Descriptor fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0 && errno == EACCES) return {};
  if (fd.get() < 0) return system_error(path, "cannot open the directory", errno);
  if (::fsync(fd.get()) != 0 && errno != EINVAL) return system_error(path, "cannot sync", errno);
  return {};
}

std::string join_path(std::string_view a, std::string_view b) {
  if (a.empty()) return std::string(b);
  std::string joined(a);
  if (joined.back() != '/') joined += '/';
  return joined.append(b);
}

Result<std::unique_ptr<TemporaryDirectory>> TemporaryDirectory::create() {
  std::string path = temporary_template();
  if (::mkdtemp(path.data()) == nullptr) {
    return system_error(path, "cannot create a temporary directory (TMPDIR says where)", errno);
  }
  return std::unique_ptr<TemporaryDirectory>(new TemporaryDirectory(std::move(path)));
}

TemporaryDirectory::TemporaryDirectory() : path_(temporary_template()) {
  CHECK(::mkdtemp(path_.data()) != nullptr, "cannot create {}: {}", path_, std::strerror(errno));
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace attune
