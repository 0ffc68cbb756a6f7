#include "server/http/target.h"

#include <gtest/gtest.h>

namespace attune::http {
namespace {

using Items = std::vector<std::pair<std::string, std::string>>;

TEST(Target, IsDecodedOnce) {
  EXPECT_EQ(parse_target("/")->path, "/");
  EXPECT_EQ(parse_target("/a%20b/%C3%A4+c")->path, "/a b/\xc3\xa4+c");
  EXPECT_EQ(parse_target("/%2541")->path, "/%41");
  EXPECT_EQ(parse_target("/a/...")->path, "/a/...");
  EXPECT_EQ(parse_target("//a//")->path, "//a//");
}

TEST(Target, ParametersKeepOrderRepeatsAndEmptyValues) {
  const Target target =
      parse_target("/r?include=a&include=b%26c&q=x+y%2Bz&&e=&bare&=v&d=1=2").value();
  const Items expected = {{"include", "a"}, {"include", "b&c"}, {"q", "x y+z"}, {"e", ""},
                          {"bare", ""},     {"", "v"},          {"d", "1=2"}};
  EXPECT_EQ(target.path, "/r");
  EXPECT_EQ(target.query.items(), expected);
  EXPECT_EQ(target.query.all("include"), (std::vector<std::string>{"a", "b&c"}));
  EXPECT_EQ(target.query.find("nothing"), nullptr);
  EXPECT_TRUE(parse_target("/r?")->query.items().empty());
  EXPECT_EQ(*parse_target("/r?a=b?c")->query.find("a"), "b?c");
}

TEST(Target, EncodedTextsComeBack) {
  EXPECT_EQ(percent_encoded("a b/\xc3\xbc&~"), "a%20b%2F%C3%BC%26~");
  const std::string text = "100 % + \r\n?&=#/~";
  EXPECT_EQ(percent_decoded(percent_encoded(text), true).value(), text);
  EXPECT_EQ(*parse_target("/?a=" + percent_encoded(text))->query.find("a"), text);
}

TEST(Target, WhatCouldBeReadInTwoWaysIsRefused) {
  const char* refused[] = {
      "", "*", "a", "http://host/a", "host:80",            // no path
      "/a b", "/a\tb", "/a\x7f", "/\xc3\xa4", "/a#b",       // not visible ASCII, a fragment
      "/%", "/%4", "/%4g", "/a%", "/?a=%zz",                // no code
      "/a%2fb", "/a%2Fb",                                   // a slash that is none
      "/..", "/a/../b", "/a/%2e%2e/b", "/.%2e", "/./a", "/a/.",  // dots
      "/a%00b", "/?a=%00", "/?%00=a",                       // NUL
      "/a%0d%0ab", "/a%1b",                                 // a line in the log
      "/%ff", "/%c0%af", "/?a=%ed%a0%80"};                  // no UTF-8
  for (const char* text : refused) {
    EXPECT_FALSE(parse_target(text).ok()) << text;
  }
}

TEST(Target, TooManyParametersAreRefused) {
  std::string text = "/?";
  for (size_t i = 0; i < kQueryItemsMax; ++i) text += "a&";
  EXPECT_EQ(parse_target(text)->query.items().size(), kQueryItemsMax);
  EXPECT_FALSE(parse_target(text + "a").ok());
}

}  // namespace
}  // namespace attune::http
