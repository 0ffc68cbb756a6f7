// A library to preload into a program under test: it ends the program with SIGKILL at one of the
// moments at which it changes files, so that a test can go through all of them.
//
//   LD_PRELOAD=libkill_at.so KILL_AT=17 program ...
//
// Counted are write (beyond standard error), fsync, rename, mkdir, unlink and rmdir. At number
// KILL_AT a write is done by half and anything else not at all. KILL_COUNT names a file that gets
// the number of operations when the program ends by itself.
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>

namespace {

std::atomic<long> operations{0};

long target() {
  static const char* const value = std::getenv("KILL_AT");
  static const long number = value == nullptr ? 0 : std::atol(value);
  return number;
}

bool is_due() { return ++operations == target(); }

[[noreturn]] void die() {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

template <typename Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

struct ReportAtExit {
  ~ReportAtExit() {
    const char* path = std::getenv("KILL_COUNT");
    if (path == nullptr) return;
    if (std::FILE* file = std::fopen(path, "w")) {
      std::fprintf(file, "%ld", operations.load());
      std::fclose(file);
    }
  }
} report_at_exit;

}  // namespace

extern "C" {

ssize_t write(int fd, const void* bytes, size_t size) {
  static auto* const next = real<ssize_t(int, const void*, size_t)>("write");
  if (fd <= STDERR_FILENO) return next(fd, bytes, size);
  if (!is_due()) return next(fd, bytes, size);
  const ssize_t ignored = next(fd, bytes, size / 2);
  (void)ignored;
  die();
}

int fsync(int fd) {
  static auto* const next = real<int(int)>("fsync");
  if (is_due()) die();
  return next(fd);
}

int rename(const char* from, const char* to) noexcept {
  static auto* const next = real<int(const char*, const char*)>("rename");
  if (is_due()) die();
  return next(from, to);
}

int mkdir(const char* path, mode_t mode) noexcept {
  static auto* const next = real<int(const char*, mode_t)>("mkdir");
  if (is_due()) die();
  return next(path, mode);
}

int unlink(const char* path) noexcept {
  static auto* const next = real<int(const char*)>("unlink");
  if (is_due()) die();
  return next(path);
}

int unlinkat(int folder, const char* path, int flags) noexcept {
  static auto* const next = real<int(int, const char*, int)>("unlinkat");
  if (is_due()) die();
  return next(folder, path, flags);
}

int rmdir(const char* path) noexcept {
  static auto* const next = real<int(const char*)>("rmdir");
  if (is_due()) die();
  return next(path);
}

}  // extern "C"
