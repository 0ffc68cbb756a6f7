#include "server/data_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/file.h"
#include "base/log.h"

namespace attune::server {
namespace {

constexpr const char* kLockName = "server.lock";
constexpr const char* kDatabaseName = "attune.db";

std::string holder_of(int lock) {
  char text[32] = "";
  const ssize_t bytes = pread(lock, text, sizeof text - 1, 0);
  std::string holder(text, bytes > 0 ? static_cast<size_t>(bytes) : 0);
  while (!holder.empty() && holder.back() == '\n') holder.pop_back();
  return holder.empty() ? "another process" : "process " + holder;
}

Status write_holder(int lock, const std::string& path) {
  const std::string holder = std::to_string(getpid()) + "\n";
  if (ftruncate(lock, 0) != 0 ||
      pwrite(lock, holder.data(), holder.size(), 0) != static_cast<ssize_t>(holder.size())) {
    return io_error("{}: cannot write: {}", path, std::strerror(errno));
  }
  return {};
}

void warn_if_open_to_others(const std::string& path) {
  struct stat found {};
  if (stat(path.c_str(), &found) == 0 && (found.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    log_warning("{}: others can look into the data directory; chmod 700 it", path);
  }
}

}  // namespace

std::string database_url_in(const std::string& data_dir, const std::string& asked) {
  return asked.empty() ? "sqlite:" + join_path(data_dir, kDatabaseName) : asked;
}

Result<std::string> existing_database_url_in(const std::string& data_dir,
                                             const std::string& asked) {
  const std::string file = join_path(data_dir, kDatabaseName);
  if (asked.empty() && access(file.c_str(), R_OK) != 0) {
    if (errno == ENOENT) return not_found("{}: there is no data of a server here", file);
    return io_error("{}: cannot open: {}", file, std::strerror(errno));
  }
  return database_url_in(data_dir, asked);
}

Result<std::unique_ptr<DataDirectory>> DataDirectory::open(const std::string& path) {
  umask(S_IRWXG | S_IRWXO);
  TRY(make_directories(path));
  warn_if_open_to_others(path);
  const std::string lock_path = join_path(path, kLockName);
  const int lock = ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (lock < 0) return io_error("{}: cannot open: {}", lock_path, std::strerror(errno));
  std::unique_ptr<DataDirectory> directory(new DataDirectory(path, lock));
  if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return io_error("{}: cannot lock: {}", path, std::strerror(errno));
    return io_error("{}: {} serves this data directory; stop it, or give another --data_dir", path,
                    holder_of(lock));
  }
  TRY(write_holder(lock, lock_path));
  return directory;
}

DataDirectory::~DataDirectory() { close(lock_); }

}  // namespace attune::server
