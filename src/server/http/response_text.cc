#include "server/http/response_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

namespace attune::http {
namespace {

// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7), whatever the locale.
std::string date_text() {
  static const char* const kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static const char* const kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", kDays[utc.tm_wday], utc.tm_mday,
                     kMonths[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

std::string harmless(std::string_view value) {
  std::string text(value);
  std::replace_if(
      text.begin(), text.end(),
      [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; }, ' ');
  return text;
}

bool is_ours(std::string_view name) {
  for (std::string_view ours : {"Content-Length", "Transfer-Encoding", "Connection", "Date"}) {
    if (same_name(name, ours)) return true;
  }
  return false;
}

}  // namespace

std::string_view reason_of(int status) {
  struct Reason {
    int status;
    std::string_view text;
  };
  static constexpr Reason kReasons[] = {
      {100, "Continue"}, {200, "OK"}, {201, "Created"}, {202, "Accepted"}, {204, "No Content"},
      {206, "Partial Content"}, {301, "Moved Permanently"}, {302, "Found"}, {303, "See Other"},
      {304, "Not Modified"}, {307, "Temporary Redirect"}, {308, "Permanent Redirect"},
      {400, "Bad Request"}, {401, "Unauthorized"}, {403, "Forbidden"}, {404, "Not Found"},
      {405, "Method Not Allowed"}, {406, "Not Acceptable"}, {408, "Request Timeout"},
      {409, "Conflict"}, {410, "Gone"}, {411, "Length Required"}, {412, "Precondition Failed"},
      {413, "Content Too Large"}, {414, "URI Too Long"}, {415, "Unsupported Media Type"},
      {417, "Expectation Failed"}, {422, "Unprocessable Content"}, {423, "Locked"},
      {429, "Too Many Requests"}, {431, "Request Header Fields Too Large"},
      {500, "Internal Server Error"}, {501, "Not Implemented"}, {502, "Bad Gateway"},
      {503, "Service Unavailable"}, {504, "Gateway Timeout"}, {505, "HTTP Version Not Supported"}};
  for (const Reason& reason : kReasons) {
    if (reason.status == status) return reason.text;
  }
  return "Status";
}

bool has_no_body(int status) { return status < 200 || status == 204 || status == 304; }

std::string head_text(const Response& response, Framing framing, bool keep_alive) {
  std::string text = fmt::format("HTTP/1.1 {} {}\r\nDate: {}\r\n", response.status,
                                 reason_of(response.status), date_text());
  for (const auto& [name, value] : response.headers.all()) {
    if (!is_ours(name)) text += fmt::format("{}: {}\r\n", harmless(name), harmless(value));
  }
  if (framing == Framing::kChunks) {
    text += "Transfer-Encoding: chunked\r\n";
  } else if (framing == Framing::kLength && !has_no_body(response.status)) {
    text += fmt::format("Content-Length: {}\r\n", response.body.size());
  }
  if (!keep_alive) text += "Connection: close\r\n";
  return text + "\r\n";
}

Response refusal(int status, std::string_view text) {
  return json_response(status, {{"detail", text}});
}

}  // namespace attune::http
