#include "server/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/resident.h"

namespace attune::server {
namespace {

// A label's value: patterns and method names hold nothing to escape, a version might.
std::string escaped(std::string_view value) {
  std::string text;
  for (char c : value) {
    if (c == '\\' || c == '"') text += '\\';
    if (c == '\n') {
      text += "\\n";
    } else {
      text += c;
    }
  }
  return text;
}

void describe(std::string& text, std::string_view name, std::string_view type,
              std::string_view help) {
  fmt::format_to(std::back_inserter(text), "# HELP {0} {2}\n# TYPE {0} {1}\n", name, type, help);
}

void add_value(std::string& text, std::string_view name, std::string_view type,
               std::string_view help, int64_t value) {
  describe(text, name, type, help);
  fmt::format_to(std::back_inserter(text), "{} {}\n", name, value);
}

}  // namespace

void Metrics::count(http::Method method, std::string_view route, int status, double seconds) {
  const Place place(http::to_string(method), route.empty() ? "none" : route);
  const size_t bucket = static_cast<size_t>(
      std::lower_bound(kBuckets.begin(), kBuckets.end(), seconds) - kBuckets.begin());
  std::lock_guard lock(mutex_);
  ++requests_[{place, status}];
  Times& times = times_[place];
  ++times.counts[bucket];
  times.seconds += seconds;
}

std::string Metrics::text(const http::ServerCounts& counts, std::string_view version) const {
  std::string text;
  auto out = std::back_inserter(text);
  describe(text, "attune_info", "gauge", "The program.");
  fmt::format_to(out, "attune_info{{version=\"{}\"}} 1\n", escaped(version));
  add_value(text, "attune_connections", "gauge", "Open connections.", counts.connections);
  add_value(text, "attune_requests_in_flight", "gauge", "Requests being answered.",
            counts.in_flight);
  add_value(text, "attune_refused_total", "counter",
            "Requests and connections refused before a handler saw them.", counts.refused);
  add_value(text, "attune_timeouts_total", "counter", "Requests and answers cut off as too slow.",
            counts.timeouts);
  add_value(text, "attune_received_bytes_total", "counter", "Bytes of requests.",
            counts.received_bytes);
  add_value(text, "process_resident_memory_bytes", "gauge", "Memory in RAM.", resident_bytes());
  std::lock_guard lock(mutex_);
  describe(text, "attune_requests_total", "counter", "Requests by route and status.");
  for (const auto& [key, count] : requests_) {
    fmt::format_to(out, "attune_requests_total{{method=\"{}\",route=\"{}\",status=\"{}\"}} {}\n",
                   key.first.first, escaped(key.first.second), key.second, count);
  }
  describe(text, "attune_request_seconds", "histogram", "Time that handlers took.");
  for (const auto& [place, times] : times_) {
    const std::string labels =
        fmt::format("method=\"{}\",route=\"{}\"", place.first, escaped(place.second));
    int64_t below = 0;
    for (size_t i = 0; i <= kBuckets.size(); ++i) {
      below += times.counts[i];
      const std::string end = i < kBuckets.size() ? fmt::format("{}", kBuckets[i]) : "+Inf";
      fmt::format_to(out, "attune_request_seconds_bucket{{{},le=\"{}\"}} {}\n", labels, end, below);
    }
    fmt::format_to(out, "attune_request_seconds_sum{{{}}} {}\n", labels, times.seconds);
    fmt::format_to(out, "attune_request_seconds_count{{{}}} {}\n", labels, below);
  }
  return text;
}

}  // namespace attune::server
