#include "server/http/target.h"

#include <algorithm>

#include "base/utf8.h"

namespace attune::http {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

Result<std::string> percent_decoded(std::string_view text, bool plus_is_space) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += plus_is_space && text[i] == '+' ? ' ' : text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
    if (high < 0 || low < 0)
      return invalid_input("a % in the address is not followed by two digits");
    decoded += static_cast<char>(high * 16 + low);
    i += 2;
  }
  if (decoded.find('\0') != std::string::npos) return invalid_input("the address holds a NUL");
  if (!is_utf8(decoded)) return invalid_input("the address is no UTF-8");
  return decoded;
}

std::string percent_encoded(std::string_view text) {
  constexpr const char* kDigits = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      encoded += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    encoded += '%';
    encoded += kDigits[byte >> 4];
    encoded += kDigits[byte & 15];
  }
  return encoded;
}

namespace {

Status check_segments(std::string_view path) {
  for (char c : path) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      return invalid_input("the path holds a control character");
    }
  }
  for (size_t at = 0; at < path.size();) {
    const size_t end = std::min(path.find('/', at + 1), path.size());
    const std::string_view segment = path.substr(at + 1, end - at - 1);
    if (segment == "." || segment == "..") return invalid_input("the address holds a dot segment");
    at = end;
  }
  return {};
}

Status parse_query(std::string_view text, Query& query) {
  size_t items = 0;
  while (!text.empty()) {
    const std::string_view item = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(item.size() + 1, text.size()));
    if (item.empty()) continue;
    if (++items > kQueryItemsMax) return invalid_input("the address holds too many parameters");
    const size_t equals = std::min(item.find('='), item.size());
    std::string value;
    if (equals < item.size()) value = TRY(percent_decoded(item.substr(equals + 1), true));
    query.add(TRY(percent_decoded(item.substr(0, equals), true)), std::move(value));
  }
  return {};
}

}  // namespace

Result<Target> parse_target(std::string_view text) {
  if (text.empty() || text[0] != '/') return invalid_input("the address is no absolute path");
  for (char c : text) {
    if (c <= 0x20 || c >= 0x7f || c == '#') {
      return invalid_input("the address holds a byte {:#04x}", static_cast<unsigned char>(c));
    }
  }
  Target target;
  const size_t mark = std::min(text.find('?'), text.size());
  const std::string_view path = text.substr(0, mark);
  target.path = TRY(percent_decoded(path, false));
  if (std::count(target.path.begin(), target.path.end(), '/') !=
      std::count(path.begin(), path.end(), '/')) {
    return invalid_input("the address holds an encoded slash");
  }
  TRY(check_segments(target.path));
  if (mark < text.size()) TRY(parse_query(text.substr(mark + 1), target.query));
  return target;
}

}  // namespace attune::http
