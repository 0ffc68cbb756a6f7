#include "server/api/webhooks/webhook_post.h"

#include <curl/curl.h>
#include <sys/socket.h>

#include <memory>

#include "server/http/public_address.h"

namespace attune::api {
namespace {

using Handle = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;
using List = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

// The answer's body does not matter: read it to its end, keep nothing.
size_t drop_body(char*, size_t size, size_t count, void*) {
  return size * count;
}

// Asked for each connection, after the name was resolved: `refused` is set where the address is
// inside the network.
curl_socket_t open_public_socket(void* refused, curlsocktype, curl_sockaddr* address) {
  if (!http::is_public_address(address->addr)) {
    *static_cast<bool*>(refused) = true;
    return CURL_SOCKET_BAD;
  }
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

// What curl asks again and again while it waits.
int break_off(void* request, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const WebhookPost*>(request)->stopping() ? 1 : 0;
}

Result<int> post(const WebhookPost& request, bool allow_private, long timeout_ms) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  const Handle curl(curl_easy_init(), &curl_easy_cleanup);
  if (ready != CURLE_OK || !curl) {
    return Error(ErrorCode::kUnavailable, "libcurl does not start");
  }
  curl_slist* lines = nullptr;
  for (const auto& [name, value] : request.headers) {
    lines = curl_slist_append(lines, (name + ": " + value).c_str());
  }
  const List headers(lines, &curl_slist_free_all);
  bool refused = false;
  curl_easy_setopt(curl.get(), CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl.get(), CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl.get(), CURLOPT_PROXY, "");
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, timeout_ms);
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, request.body.data());
  curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE_LARGE,
                   static_cast<curl_off_t>(request.body.size()));
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, drop_body);
  if (request.stopping) {
    curl_easy_setopt(curl.get(), CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl.get(), CURLOPT_XFERINFOFUNCTION, break_off);
    curl_easy_setopt(curl.get(), CURLOPT_XFERINFODATA, &request);
  }
  if (!allow_private) {
    curl_easy_setopt(curl.get(), CURLOPT_OPENSOCKETFUNCTION, open_public_socket);
    curl_easy_setopt(curl.get(), CURLOPT_OPENSOCKETDATA, &refused);
  }
  const CURLcode code = curl_easy_perform(curl.get());
  if (refused && code != CURLE_OK) {
    return Error(ErrorCode::kUnavailable, "the address is inside the network");
  }
  if (code != CURLE_OK) return Error(ErrorCode::kUnavailable, curl_easy_strerror(code));
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  return static_cast<int>(status);
}

using Url = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

std::string part_of(const Url& url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url.get(), part, &text, 0) != CURLUE_OK) return "";
  std::string copy = text;
  curl_free(text);
  return copy;
}

}  // namespace

PostFunction curl_post(bool allow_private_addresses, long timeout_ms) {
  return [=](const WebhookPost& request) {
    return post(request, allow_private_addresses, timeout_ms);
  };
}

std::string why_no_webhook_url(const std::string& url, bool allow_private_addresses) {
  // Taken apart by the library that will use it, so that both read it alike.
  const Url parsed(curl_url(), &curl_url_cleanup);
  if (!parsed || curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) {
    return "Input should be a valid URL";
  }
  const std::string scheme = part_of(parsed, CURLUPART_SCHEME);
  if (scheme != "http" && scheme != "https") return "URL scheme should be 'http' or 'https'";
  const std::string host = part_of(parsed, CURLUPART_HOST);
  if (host.empty()) return "Input should be a valid URL, empty host";
  if (!part_of(parsed, CURLUPART_USER).empty() || !part_of(parsed, CURLUPART_PASSWORD).empty()) {
    return "A webhook's address cannot hold a user or password";
  }
  if (!allow_private_addresses && !http::may_be_public(host)) {
    return "A webhook's address must not be inside the network: the server's operator can allow "
           "that";
  }
  return "";
}

}  // namespace attune::api
