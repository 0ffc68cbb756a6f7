#include "text/unicode.h"

#include <gtest/gtest.h>

namespace attune::text {
namespace {

TEST(Unicode, ReplacesMaximalIllFormedSequences) {
  EXPECT_EQ(replace_invalid("abc"), "abc");
  EXPECT_EQ(replace_invalid("a\xFFz"), "a\uFFFDz");
  EXPECT_EQ(replace_invalid("\xE4\xBD"), "\uFFFD");                // cut at the end: one
  EXPECT_EQ(replace_invalid("\xE4\xBDx"), "\uFFFDx");              // cut before another: one
  EXPECT_EQ(replace_invalid("\xF0\x80\x80"), "\uFFFD\uFFFD\uFFFD");  // over-long: one a byte
  EXPECT_EQ(replace_invalid("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");  // a surrogate
  EXPECT_EQ(replace_invalid("\xF4\x90\x80\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD");
}

TEST(Unicode, KnowsWhereRepairedBytesCameFrom) {
  std::vector<uint32_t> origin;
  EXPECT_EQ(replace_invalid("a\xFF" "b", &origin), "a\uFFFDb");
  EXPECT_EQ(origin, (std::vector<uint32_t>{0, 1, 1, 1, 2, 3}));
}

TEST(Unicode, FindsTheValidPrefix) {
  EXPECT_EQ(valid_utf8_prefix("plain text of some length, 你好"), 33U);
  EXPECT_EQ(valid_utf8_prefix("0123456789\xC3"), 10U);
  EXPECT_EQ(valid_utf8_prefix(""), 0U);
}

TEST(Unicode, ScansOneCharacter) {
  EXPECT_EQ(scan_char("\xE4\xBD").length, 0U);  // may still become a character
  EXPECT_TRUE(scan_char("\xE4\xBD\xA0z").valid);
  EXPECT_EQ(scan_char("\xE4\xBD\xA0z").length, 3U);
  EXPECT_FALSE(scan_char("\x80").valid);
}

TEST(Unicode, EncodesAndDecodes) {
  for (uint32_t c : {0x24U, 0x7FU, 0x80U, 0x7FFU, 0x800U, 0xFFFDU, 0x10000U, 0x10FFFFU}) {
    std::string text = to_utf8(c);
    EXPECT_EQ(decode_char(text, 0).code_point, c);
    EXPECT_EQ(decode_char(text, 0).length, text.size());
    EXPECT_EQ(previous_char("x" + text, text.size() + 1), 1U);
  }
}

TEST(Unicode, ClassesCharacters) {
  const uint8_t* classes = char_classes();
  EXPECT_TRUE(classes['a'] & kLetter);
  EXPECT_TRUE(classes[0x4F60] & kLetter);
  EXPECT_TRUE(classes[0xBD] & kNumber);
  EXPECT_TRUE(classes[0x3000] & kSpace);
  EXPECT_FALSE(classes[0x180E] & kSpace);
  EXPECT_TRUE(classes[0x301] & kMark);
  EXPECT_FALSE(classes['$'] & kPunctuation);
  EXPECT_TRUE(classes['$'] & kSymbol);
  EXPECT_EQ(classes[0], 0);
}

}  // namespace
}  // namespace attune::text
