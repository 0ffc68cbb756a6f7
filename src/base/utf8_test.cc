#include "base/utf8.h"

#include <gtest/gtest.h>

namespace attune {
namespace {

TEST(Utf8, TextOfEveryLengthIsTaken) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8("abc \x7f"));
  EXPECT_TRUE(is_utf8("\xc2\x80 \xdf\xbf"));
  EXPECT_TRUE(is_utf8("\xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80 \xef\xbf\xbf"));
  EXPECT_TRUE(is_utf8("\xf0\x90\x80\x80 \xf4\x8f\xbf\xbf"));
}

TEST(Utf8, WhatIsNoCharacterIsRefused) {
  const char* refused[] = {"\x80",             // a continuation alone
                           "\xc2",             // cut
                           "\xe2\x82",         //
                           "\xf0\x9f\x98",     //
                           "\xc0\xaf",         // an overlong slash
                           "\xe0\x9f\xbf",     // overlong
                           "\xf0\x8f\xbf\xbf",  //
                           "\xed\xa0\x80",     // a surrogate
                           "\xf4\x90\x80\x80",  // above U+10FFFF
                           "\xf5\x80\x80\x80", "\xff", "a\xc2z"};
  for (const char* text : refused) EXPECT_FALSE(is_utf8(text)) << text;
}

}  // namespace
}  // namespace attune
