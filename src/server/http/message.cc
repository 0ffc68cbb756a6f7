#include "server/http/message.h"

#include <algorithm>

#include "base/check.h"

namespace attune::http {

namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view to_string(Method method) {
  switch (method) {
    case Method::kGet:
      return "GET";
    case Method::kHead:
      return "HEAD";
    case Method::kPost:
      return "POST";
    case Method::kPut:
      return "PUT";
    case Method::kPatch:
      return "PATCH";
    case Method::kDelete:
      return "DELETE";
    case Method::kOptions:
      return "OPTIONS";
  }
  CHECK(false, "a method without a name");
}

void Headers::add(std::string name, std::string value) {
  fields_.emplace_back(std::move(name), std::move(value));
}

void Headers::set(std::string_view name, std::string value) {
  std::erase_if(fields_, [name](const auto& field) { return same_name(field.first, name); });
  fields_.emplace_back(name, std::move(value));
}

const std::string* Headers::find(std::string_view name) const {
  for (const auto& [key, value] : fields_) {
    if (same_name(key, name)) return &value;
  }
  return nullptr;
}

void Query::add(std::string name, std::string value) {
  items_.emplace_back(std::move(name), std::move(value));
}

const std::string* Query::find(std::string_view name) const {
  for (const auto& [key, value] : items_) {
    if (key == name) return &value;
  }
  return nullptr;
}

std::vector<std::string> Query::all(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [key, value] : items_) {
    if (key == name) values.push_back(value);
  }
  return values;
}

Response json_response(int status, const OrderedJson& body) {
  Response response;
  response.status = status;
  response.headers.add("Content-Type", "application/json");
  response.body = to_line(body);
  return response;
}

Response empty_response(int status) {
  Response response;
  response.status = status;
  return response;
}

}  // namespace attune::http
