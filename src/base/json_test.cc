#include "base/json.h"

#include <gtest/gtest.h>

namespace attune {
namespace {

TEST(Json, MistakesNameTheByte) {
  Result<Json> parsed = parse_json("{\"a\": 1,, }");
  ASSERT_FALSE(parsed.ok());
  EXPECT_NE(parsed.error().message().find("byte 9"), std::string::npos) << parsed.error().message();
}

TEST(Json, DeepNestingIsRefused) {
  std::string deep(100000, '[');
  EXPECT_NE(parse_json(deep).error().message().find("nested deeper"), std::string::npos);
  std::string fine = std::string(50, '[') + std::string(50, ']');
  EXPECT_TRUE(parse_json(fine).ok());
}

TEST(Json, InvalidUtf8IsRefused) {
  EXPECT_FALSE(parse_json("\"\xff\xfe\"").ok());
}

TEST(Json, GettersNameTheKeyAndTheType) {
  Json o = parse_json(R"({"n": 1e5, "s": "x", "b": true, "z": null})").value();
  EXPECT_EQ(get_int(o, "n").value(), 100000);
  EXPECT_EQ(get_string(o, "s").value(), "x");
  EXPECT_EQ(get_bool_or(o, "absent", true).value(), true);
  EXPECT_EQ(get_int_or(o, "z", 7).value(), 7);
  EXPECT_EQ(get_int(o, "s").error().message(), "\"s\" must be a whole number, found string");
  EXPECT_EQ(get_bool(o, "q").error().message(), "\"q\" is missing; it must be true or false");
}

TEST(Json, OrderedJsonKeepsTheOrder) {
  EXPECT_EQ(to_line(parse_ordered_json(R"({"b": 1, "a": [2]})").value()), R"({"b":1,"a":[2]})");
}

}  // namespace
}  // namespace attune
