#include "cli/http_client.h"

#include <curl/curl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>

namespace attune::cli {
namespace {

constexpr size_t kBodyBytesMax = 64u << 20;
constexpr long kConnectTimeoutSeconds = 20;
constexpr long kStallSeconds = 60;  // a transfer below 1 byte/s for so long is broken

struct Transfer {
  CURL* curl = nullptr;
  HttpResponse response;
  std::FILE* file = nullptr;  // null: into `whole`, or else response.body
  std::string path;           // of the file
  AtomicFile* whole = nullptr;
  Status written;  // to it
  bool appending = false;
  uint64_t offset = 0;  // what was there when the transfer began
  TransferProgress progress;
  curl_slist* request_headers = nullptr;

  Transfer() : curl(curl_easy_init()) { CHECK(curl != nullptr, "libcurl has no memory"); }
  ~Transfer() {
    curl_slist_free_all(request_headers);
    curl_easy_cleanup(curl);
    if (file != nullptr) std::fclose(file);
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
};

size_t on_header(char* data, size_t size, size_t count, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  std::string line(data, size * count);
  if (line.starts_with("HTTP/")) transfer.response.headers.clear();  // a redirect's are gone
  size_t colon = line.find(':');
  if (colon == std::string::npos) return size * count;
  std::string name = line.substr(0, colon);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  size_t begin = line.find_first_not_of(" \t", colon + 1);
  size_t end = line.find_last_not_of(" \t\r\n");
  if (begin != std::string::npos && begin <= end) {
    transfer.response.headers[name] = line.substr(begin, end - begin + 1);
  }
  return size * count;
}

size_t on_body(char* data, size_t size, size_t count, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  size_t bytes = size * count;
  long status = 0;
  curl_easy_getinfo(transfer.curl, CURLINFO_RESPONSE_CODE, &status);
  bool good = status == 200 || status == 206;
  if (transfer.whole != nullptr && good) {
    transfer.written = transfer.whole->write(data, bytes);
    return transfer.written.ok() ? bytes : 0;
  }
  if (transfer.file == nullptr || !good) {
    if (transfer.response.body.size() + bytes > kBodyBytesMax) return 0;
    transfer.response.body.append(data, bytes);
    return bytes;
  }
  if (transfer.appending && status == 200) {  // the server sends the whole file after all
    if (std::fflush(transfer.file) != 0 || ::ftruncate(::fileno(transfer.file), 0) != 0) return 0;
    std::rewind(transfer.file);
    transfer.appending = false;
    transfer.offset = 0;
  }
  return std::fwrite(data, 1, bytes, transfer.file);
}

int on_progress(void* context, curl_off_t total, curl_off_t done, curl_off_t, curl_off_t) {
  auto& transfer = *static_cast<Transfer*>(context);
  uint64_t whole = total > 0 ? transfer.offset + static_cast<uint64_t>(total) : 0;
  transfer.progress(transfer.offset + static_cast<uint64_t>(done), whole);
  return 0;
}

Result<HttpResponse> perform(Transfer& transfer, const std::string& url, const std::string& token,
                             const char* advice = "the network and HF_ENDPOINT") {
  CURL* curl = transfer.curl;
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "attune");
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, kConnectTimeoutSeconds);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, kStallSeconds);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 8L);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
  if (!token.empty()) {
    // libcurl drops a bearer token by itself when a redirect leaves the host.
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
    curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, token.c_str());
  }
  CURLcode code = curl_easy_perform(curl);
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  transfer.response.status = static_cast<int>(status);
  if (!transfer.written.ok()) return transfer.written.error();
  if (code == CURLE_WRITE_ERROR && transfer.file != nullptr) {
    return io_error("{}: cannot write the download: is the disk full?", transfer.path);
  }
  if (code == CURLE_PARTIAL_FILE || code == CURLE_RECV_ERROR) {
    return make_error(ErrorCode::kUnavailable,
                      "{}: the transfer broke off ({}); run the command again to continue it", url,
                      curl_easy_strerror(code));
  }
  if (code != CURLE_OK) {
    return make_error(ErrorCode::kUnavailable, "{}: {}; check {}", url,
                      curl_easy_strerror(code), advice);
  }
  return std::move(transfer.response);
}

}  // namespace

HttpClient::HttpClient(std::string token) : token_(std::move(token)) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  CHECK(ready == CURLE_OK, "libcurl cannot start");
}

Result<HttpResponse> HttpClient::get(const std::string& url) {
  Transfer transfer;
  curl_easy_setopt(transfer.curl, CURLOPT_FOLLOWLOCATION, 1L);
  return perform(transfer, url, token_);
}

Result<HttpResponse> HttpClient::head(const std::string& url) {
  Transfer transfer;
  curl_easy_setopt(transfer.curl, CURLOPT_NOBODY, 1L);
  return perform(transfer, url, token_);
}

Result<HttpResponse> HttpClient::call(const HttpCall& call) {
  Transfer transfer;
  curl_easy_setopt(transfer.curl, CURLOPT_CUSTOMREQUEST, call.method.c_str());
  if (!call.body.empty()) {
    curl_easy_setopt(transfer.curl, CURLOPT_POSTFIELDS, call.body.c_str());
    curl_easy_setopt(transfer.curl, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(call.body.size()));
  }
  for (const std::string& header : call.headers) {
    transfer.request_headers = curl_slist_append(transfer.request_headers, header.c_str());
  }
  curl_easy_setopt(transfer.curl, CURLOPT_HTTPHEADER, transfer.request_headers);
  transfer.whole = call.to_file;
  return perform(transfer, call.url, token_, "the address, and that the server runs");
}

Result<HttpResponse> HttpClient::download(const std::string& url, const std::string& path,
                                          uint64_t offset, const TransferProgress& progress) {
  Transfer transfer;
  transfer.offset = offset;
  transfer.progress = progress;
  curl_easy_setopt(transfer.curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(transfer.curl, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt(transfer.curl, CURLOPT_XFERINFODATA, &transfer);
  transfer.file = std::fopen(path.c_str(), offset > 0 ? "r+b" : "wb");
  if (transfer.file == nullptr) return io_error("{}: cannot write the download", path);
  transfer.path = path;
  std::setvbuf(transfer.file, nullptr, _IONBF, 0);  // kill -9 loses nothing that has come
  if (offset > 0) {
    std::fseek(transfer.file, 0, SEEK_END);
    transfer.appending = true;
    // Not libcurl's resuming, which gives up when the server sends the whole file instead.
    curl_easy_setopt(transfer.curl, CURLOPT_RANGE, fmt::format("{}-", offset).c_str());
  }
  curl_easy_setopt(transfer.curl, CURLOPT_FOLLOWLOCATION, 1L);
  Result<HttpResponse> response = perform(transfer, url, token_);
  if (std::fflush(transfer.file) != 0 || ::fsync(::fileno(transfer.file)) != 0) {
    return io_error("{}: cannot write the download: is the disk full?", path);
  }
  return response;
}

}  // namespace attune::cli
