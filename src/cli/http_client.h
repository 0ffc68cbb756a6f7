// The few HTTP requests that the hub's protocol and a feedback server need, over libcurl.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace attune::cli {

struct HttpResponse {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case, of the last response
  std::string body;                            // of get(); at most 64 MiB
};

// Any request, to one host: redirects are not followed, so that a key in `headers` stays there.
struct HttpCall {
  std::string method = "GET";
  std::string url;
  std::vector<std::string> headers = {};  // "Name: value"
  std::string body = {};
  AtomicFile* to_file = nullptr;  // takes a body of status 200; null: it goes into the response
};

// Hears of a download as it comes: bytes that are there, and bytes in all (0: not known yet).
using TransferProgress = std::function<void(uint64_t done, uint64_t total)>;

// Not thread-safe. `token` ("" for none) goes to the first host only, never along a redirect to
// another one. Errors (kUnavailable) name the address and what libcurl said.
class HttpClient {
 public:
  explicit HttpClient(std::string token);

  Result<HttpResponse> get(const std::string& url);
  // Headers only, without following redirects.
  Result<HttpResponse> head(const std::string& url);
  Result<HttpResponse> call(const HttpCall& call);
  // Appends the bytes from `offset` on to the file at `path`; a server that ignores the range
  // starts the file anew. A transfer that breaks off leaves what came, for the next try.
  Result<HttpResponse> download(const std::string& url, const std::string& path, uint64_t offset,
                                const TransferProgress& progress);

 private:
  std::string token_;
};

}  // namespace attune::cli
