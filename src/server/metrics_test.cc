#include "server/metrics.h"

#include <gtest/gtest.h>

#include <regex>
#include <sstream>

namespace attune::server {
namespace {

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

TEST(Metrics, CountsByRouteAndStatus) {
  Metrics metrics;
  metrics.count(http::Method::kGet, "/users/{user_id}", 200, 0.0005);
  metrics.count(http::Method::kGet, "/users/{user_id}", 200, 0.02);
  metrics.count(http::Method::kGet, "/users/{user_id}", 404, 7);
  metrics.count(http::Method::kPost, "", 405, 0.001);
  const std::string text = metrics.text({.connections = 3, .refused = 2}, "0.1.0");
  const std::string place = R"(method="GET",route="/users/{user_id}")";
  EXPECT_TRUE(has_line(text, "attune_requests_total{" + place + ",status=\"200\"} 2")) << text;
  EXPECT_TRUE(has_line(text, "attune_requests_total{" + place + ",status=\"404\"} 1"));
  EXPECT_TRUE(has_line(
      text, R"(attune_requests_total{method="POST",route="none",status="405"} 1)"));
  EXPECT_TRUE(has_line(text, "attune_request_seconds_bucket{" + place + ",le=\"0.001\"} 1"));
  EXPECT_TRUE(has_line(text, "attune_request_seconds_bucket{" + place + ",le=\"0.01\"} 1"));
  EXPECT_TRUE(has_line(text, "attune_request_seconds_bucket{" + place + ",le=\"0.025\"} 2"));
  EXPECT_TRUE(has_line(text, "attune_request_seconds_bucket{" + place + ",le=\"5\"} 2"));
  EXPECT_TRUE(has_line(text, "attune_request_seconds_bucket{" + place + ",le=\"+Inf\"} 3"));
  EXPECT_TRUE(has_line(text, "attune_request_seconds_count{" + place + "} 3"));
  EXPECT_TRUE(has_line(text, "attune_connections 3"));
  EXPECT_TRUE(has_line(text, "attune_refused_total 2"));
  EXPECT_TRUE(has_line(text, "attune_info{version=\"0.1.0\"} 1"));
}

TEST(Metrics, EveryLineHasTheFormsOfTheFormat) {
  Metrics metrics;
  metrics.count(http::Method::kDelete, "/a", 204, 0.1);
  std::istringstream lines(metrics.text({}, "a\"b\\c"));
  const std::regex form(
      R"re((# (HELP|TYPE) [a-z_]+ .+)|([a-z_]+(\{([a-z_]+="([^"\\]|\\.)*",?)+\})? [0-9.e+-]+))re");
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    EXPECT_TRUE(std::regex_match(line, form)) << line;
  }
  EXPECT_GT(count, 30);
}

}  // namespace
}  // namespace attune::server
