#include "cli/hub_file.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "base/file.h"
#include "base/log.h"
#include "base/sha256.h"

namespace attune::cli {
namespace {

namespace fs = std::filesystem;

constexpr int kRedirectsMax = 5;

// Holds the lock file at `path`; released with the object or the process.
class FileLock {
 public:
  static Result<std::unique_ptr<FileLock>> take(const std::string& path) {
    TRY(make_directories(fs::path(path).parent_path().string()));
    int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) return io_error("{}: cannot open: {}", path, std::strerror(errno));
    std::unique_ptr<FileLock> lock(new FileLock(fd));
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return lock;
    log_info("another process downloads the same file; waiting for it");
    while (::flock(fd, LOCK_EX) != 0) {
      if (errno != EINTR) return io_error("{}: cannot lock: {}", path, std::strerror(errno));
    }
    return lock;
  }
  ~FileLock() { ::close(fd_); }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_;
};

// Says how far a large download is: one line that is rewritten on a terminal, else a line for each
// quarter.
class TransferLine {
 public:
  explicit TransferLine(std::string name) : name_(std::move(name)) {}
  ~TransferLine() {
    if (terminal_ && shown_ > 0) std::fputs("\n", stderr);
  }
  TransferLine(const TransferLine&) = delete;
  TransferLine& operator=(const TransferLine&) = delete;

  void show(uint64_t done, uint64_t total) {
    if (total < kShownBytes || log_level() > LogLevel::kInfo) return;
    uint64_t percent = done * 100 / total;
    if (percent < shown_ + (terminal_ ? 1 : 25)) return;
    shown_ = terminal_ ? percent : percent / 25 * 25;
    if (terminal_) {
      fmt::print(stderr, "\r{}: {} % of {} MB", name_, shown_, total / 1'000'000);
    } else {
      log_info("{}: {} % of {} MB", name_, shown_, total / 1'000'000);
    }
  }

 private:
  static constexpr uint64_t kShownBytes = 10'000'000;
  std::string name_;
  bool terminal_ = ::isatty(STDERR_FILENO) == 1;
  uint64_t shown_ = 0;
};

// Git's name of a file's contents: SHA-1 of "blob <size>\0" and the bytes.
std::string git_blob_sha1(std::string_view bytes) {
  std::string head = fmt::format("blob {}", bytes.size());
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  bool good = EVP_DigestInit_ex(context, EVP_sha1(), nullptr) == 1 &&
              EVP_DigestUpdate(context, head.c_str(), head.size() + 1) == 1 &&
              EVP_DigestUpdate(context, bytes.data(), bytes.size()) == 1 &&
              EVP_DigestFinal_ex(context, digest, &size) == 1;
  EVP_MD_CTX_free(context);
  CHECK(good, "libcrypto cannot compute SHA-1");
  std::string text;
  for (unsigned int i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

Status verify(const std::string& path, const std::string& name, const std::string& hash) {
  std::string found;
  {
    MappedFile file = TRY(MappedFile::open(path));
    found = hash.size() == 64 ? sha256_hex(file.text()) : git_blob_sha1(file.text());
  }
  if (found == hash) return {};
  TRY(remove_all(path));
  return make_error(
      ErrorCode::kUnavailable,
      "{}: the download's hash is {}, the hub announced {}; it was thrown away, try again", name,
      found, hash);
}

// The hash that a response announces: 64 or 40 hexadecimal digits, or "".
std::string announced_hash(const HttpResponse& response) {
  for (const char* header : {"x-linked-etag", "etag"}) {
    auto found = response.headers.find(header);
    if (found == response.headers.end()) continue;
    std::string hash = found->second;
    if (hash.starts_with("W/")) hash = hash.substr(2);
    std::erase(hash, '"');
    std::transform(hash.begin(), hash.end(), hash.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    bool hex = hash.find_first_not_of("0123456789abcdef") == std::string::npos;
    if (hex && (hash.size() == 64 || hash.size() == 40)) return hash;
  }
  return "";
}

// Asks for the headers of a file until one response announces its hash: a hub may first lead to
// another address of its own.
Result<std::string> ask_hash(HttpClient& http, const Repository& repository,
                             const std::string& file_url, const std::string& name) {
  std::string url = file_url;
  for (int i = 0; i <= kRedirectsMax; ++i) {
    HttpResponse response = TRY(http.head(url));
    if (response.status >= 400) return refused(repository, url, response.status);
    std::string hash = announced_hash(response);
    if (!hash.empty()) return hash;
    auto location = response.headers.find("location");
    bool here = location != response.headers.end() && location->second.starts_with('/') &&
                !location->second.starts_with("//");
    if (response.status < 300 || !here) break;
    url = url.substr(0, url.find('/', url.find("://") + 3)) + location->second;
  }
  return make_error(ErrorCode::kUnavailable,
                    "{}: the hub announces no SHA-1 or SHA-256 for {}, so that it cannot be "
                    "checked; check HF_ENDPOINT",
                    repository.shown(), name);
}

Status download_blob(HttpClient& http, const Repository& repository, const std::string& url,
                     const std::string& name, const std::string& hash) {
  std::string blob = repository.blob(hash), partial = blob + ".incomplete";
  auto lock = TRY(FileLock::take(repository.lock(hash)));
  if (exists(blob)) return {};
  uint64_t offset = exists(partial) ? TRY(file_size_bytes(partial)) : 0;
  log_info("downloading {} of {}{}", name, repository.shown(), offset > 0 ? " (continued)" : "");
  TransferLine line(name);
  Result<HttpResponse> got =
      http.download(url, partial, offset,
                    [&line](uint64_t done, uint64_t total) { line.show(done, total); });
  if (!got.ok()) return got.error().with_context(name + " of " + repository.shown());
  bool whole_already = got->status == 416;  // nothing is left to send
  if (got->status >= 400 && !whole_already) return refused(repository, url, got->status);
  TRY(verify(partial, name, hash));
  return rename_path(partial, blob);
}

}  // namespace

Status fetch_hub_file(HttpClient& http, const Repository& repository, const std::string& commit,
                      const std::string& name) {
  std::string link = join_path(repository.snapshot(commit), name);
  if (exists(link)) return {};
  std::string url = repository.file_url(commit, name);
  std::string hash = TRY(ask_hash(http, repository, url, name));
  std::string blob = repository.blob(hash);
  if (!exists(blob)) TRY(download_blob(http, repository, url, name, hash));
  fs::path place = fs::path(link).parent_path();
  TRY(make_directories(place.string()));
  std::error_code failure;
  fs::remove(link, failure);  // one that leads nowhere
  fs::create_symlink(fs::relative(blob, place), link, failure);
  bool made_by_another = failure == std::errc::file_exists && exists(link);
  if (failure && !made_by_another) {
    return io_error("{}: cannot link to {}: {}", link, blob, failure.message());
  }
  return {};
}

}  // namespace attune::cli
