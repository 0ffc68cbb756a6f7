// What a handler of a request sees and gives back. Knows HTTP, no domain.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"

namespace attune::http {

enum class Method { kGet, kHead, kPost, kPut, kPatch, kDelete, kOptions };
std::string_view to_string(Method method);

// Whether two header names are one: ASCII letters without case.
bool same_name(std::string_view a, std::string_view b);

// Header fields in the order of arrival; names compare without case.
class Headers {
 public:
  void add(std::string name, std::string value);
  void set(std::string_view name, std::string value);  // replaces
  // The first of that name, or nullptr.
  const std::string* find(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& all() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

// The part behind '?', decoded; a name may come several times.
class Query {
 public:
  void add(std::string name, std::string value);
  const std::string* find(std::string_view name) const;        // the first
  std::vector<std::string> all(std::string_view name) const;   // each, in order
  const std::vector<std::pair<std::string, std::string>>& items() const { return items_; }

 private:
  std::vector<std::pair<std::string, std::string>> items_;
};

struct Request {
  Method method = Method::kGet;
  std::string path;  // percent-decoded once, begins with '/', no '..' segments, no NUL
  Query query;
  Headers headers;
  std::string body;
  std::string remote_address;  // "127.0.0.1"
  std::string id;              // X-Request-Id: the client's where it is harmless, else ours
  std::map<std::string, std::string, std::less<>> path_values;  // {dataset_id} of the route
  std::string route;  // the pattern that matched, "/api/v1/datasets/{dataset_id}"; "" for none
};

// The most that a request's body may have, and what its client is told beyond it.
struct BodyLimit {
  size_t bytes = 0;
  int status = 413;
  std::string text = "the body is too large";
};

// Writes a streamed body. `write` blocks while the client is slow; false once it is gone.
class BodyWriter {
 public:
  virtual ~BodyWriter() = default;
  virtual bool write(std::string_view piece) = 0;
  // The server is stopping or the client is gone: a stream without an end of its own ends now.
  virtual bool stopping() const = 0;
};

struct Response {
  int status = 200;
  Headers headers;
  std::string body;
  // When set, the body is sent in chunks by this function, on a thread of its own (exports, event
  // streams); `body` is ignored.
  std::function<void(BodyWriter&)> stream;
};

// application/json; OrderedJson keeps the keys as written.
Response json_response(int status, const OrderedJson& body);
Response empty_response(int status);  // 204 and kin

}  // namespace attune::http
