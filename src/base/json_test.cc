#include "base/json.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "base/file.h"
#include "base/json_file.h"

namespace attune {
namespace {

TEST(Json, MistakesNameTheByte) {
  Result<Json> parsed = parse_json("{\"a\": 1,, }");
  ASSERT_FALSE(parsed.ok());
  EXPECT_NE(parsed.error().message().find("byte 9"), std::string::npos) << parsed.error().message();
}

TEST(Json, MistakesSayWhatToDo) {
  for (const char* wrong : {"{\"a\": 1,, }", "nulx", "[1] 2"}) {
    const std::string message = parse_json(wrong).error().message();
    EXPECT_TRUE(message.ends_with("; correct it there")) << message;
  }
  for (const char* cut : {"", "{", "[1, 2", "\"text", "[\"te\n"}) {
    const std::string message = parse_json(cut).error().message();
    EXPECT_TRUE(message.ends_with("; it ends too soon, fetch or write it again")) << message;
  }
}

TEST(Json, DeepNestingIsRefused) {
  std::string deep(100000, '[');
  EXPECT_NE(parse_json(deep).error().message().find("nested deeper"), std::string::npos);
  std::string fine = std::string(50, '[') + std::string(50, ']');
  EXPECT_TRUE(parse_json(fine).ok());
}

TEST(Json, InvalidUtf8IsRefused) {
  std::string message = parse_json("\"caf\xe9\"").error().message();
  EXPECT_NE(message.find("caf\xEF\xBF\xBD"), std::string::npos) << "no UTF-8: " << message;
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

TEST(Json, AMessageQuotesLittleOfALongLine) {
  std::string message = parse_json("{\"a\": \"" + std::string(1 << 20, 'x')).error().message();
  EXPECT_LT(message.size(), 400u);
  EXPECT_NE(message.find("missing closing quote"), std::string::npos) << message;
  message = parse_json(std::string(100000, '9') + "e99999").error().message();
  EXPECT_LT(message.size(), 400u);
  EXPECT_NE(message.find("number overflow"), std::string::npos) << message;
  EXPECT_EQ(message.find("json.exception"), std::string::npos) << message;
  std::string characters;
  for (int i = 0; i < 1000; ++i) characters += "\xe4\xbd\xa0";
  message = parse_json("[\"" + characters + "\n\"]").error().message();
  EXPECT_TRUE(parse_json("\"" + message.substr(0, message.find('"')) + "\"").ok())
      << "half a character in: " << message;
}

TEST(Json, AFileNamesItsPath) {
  TemporaryDirectory dir;
  ASSERT_TRUE(write_file(dir.file("c.json"), "{").ok());
  EXPECT_NE(read_json_file(dir.file("c.json")).error().message().find("c.json: not valid JSON"),
            std::string::npos);
  EXPECT_FALSE(read_json_file(dir.file("none.json")).ok());
}

TEST(Json, BytesThatAreNoTextArePrintedAsReplacements) {
  EXPECT_EQ(to_line(Json("a\xff")), "\"a\xEF\xBF\xBD\"");
  TemporaryDirectory dir;
  ASSERT_TRUE(write_json_file(dir.file("c"), Json{{"k", "\xff"}}).ok());
  EXPECT_EQ(read_file(dir.file("c")).value(), "{\n  \"k\": \"\xEF\xBF\xBD\"\n}\n");
  EXPECT_EQ(read_json_file(dir.file("c")).value()["k"], "\xEF\xBF\xBD");
}

// Any JSON value up to some depth; strings of any characters below U+0800.
rc::Gen<Json> any_json(int depth) {
  auto text = rc::gen::map(rc::gen::container<std::vector<uint16_t>>(
                               rc::gen::inRange<uint16_t>(0, 0x800)),
                           [](const std::vector<uint16_t>& characters) {
                             std::string bytes;
                             for (unsigned c : characters) {
                               if (c >= 0x80) bytes.push_back(static_cast<char>(0xC0 | c >> 6));
                               bytes.push_back(static_cast<char>(c < 0x80 ? c : 0x80 | (c & 0x3F)));
                             }
                             return bytes;
                           });
  auto as_json = [](const auto& value) { return Json(value); };
  auto leaf = rc::gen::oneOf(rc::gen::just(Json()),
                             rc::gen::map(rc::gen::arbitrary<bool>(), as_json),
                             rc::gen::map(rc::gen::arbitrary<int64_t>(), as_json),
                             rc::gen::map(rc::gen::arbitrary<double>(), as_json),
                             rc::gen::map(text, as_json));
  if (depth == 0) return leaf;
  auto inner = rc::gen::scale(0.3, any_json(depth - 1));
  return rc::gen::oneOf(
      leaf, rc::gen::map(rc::gen::container<std::vector<Json>>(inner), as_json),
      rc::gen::map(rc::gen::container<std::map<std::string, Json>>(text, inner), as_json));
}

TEST(Json, WhatIsPrintedReadsBack) {
  EXPECT_TRUE(rc::check("values survive to_line and parse_json", [] {
    const Json value = *any_json(3);
    RC_ASSERT(parse_json(to_line(value)).value() == value);
    RC_ASSERT(to_line(value).find('\n') == std::string::npos);
  }));
}

TEST(Json, TextsAreAppendedAsTheyArePrinted) {
  for (const std::string& text : {std::string(), std::string("plain /'~"), std::string("\"\\"),
                                  std::string("a\0b\x1f\x7f", 5), std::string("é\u2028😀"),
                                  std::string("\xff\xc3")}) {
    std::string out = "x";
    append_json_text(text, out);
    EXPECT_EQ(out, "x" + to_line(Json(text)));
  }
}

// The limit is the same whatever stands in strings, and however deep the text is elsewhere.
TEST(Json, TheLimitOfNestingIsExact) {
  const auto nested = [](int depth, const std::string& inside) {
    return std::string(static_cast<size_t>(depth), '[') + inside +
           std::string(static_cast<size_t>(depth), ']');
  };
  const std::string brackets = '"' + std::string(1000, '[') + R"(\"{{{")";
  for (const std::string& inside : {std::string("1"), brackets}) {
    EXPECT_TRUE(parse_json(nested(kJsonDepthMax - 2, inside)).ok());
    EXPECT_TRUE(parse_json(nested(kJsonDepthMax, inside)).ok());
    const auto deep = parse_json(nested(kJsonDepthMax + 2, inside));
    ASSERT_FALSE(deep.ok());
    EXPECT_NE(deep.error().message().find("nested deeper"), std::string::npos);
  }
  // A mistake before the depth is what is said.
  const auto wrong = parse_json("[1 " + nested(kJsonDepthMax + 50, "1") + "]");
  EXPECT_NE(wrong.error().message().find("not valid JSON at byte"), std::string::npos);
}

TEST(Json, OrderedJsonKeepsTheOrder) {
  EXPECT_EQ(to_line(parse_ordered_json(R"({"b": 1, "a": [2]})").value()), R"({"b":1,"a":[2]})");
}

}  // namespace
}  // namespace attune
