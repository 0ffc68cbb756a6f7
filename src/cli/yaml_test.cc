#include "cli/yaml.h"

#include <gtest/gtest.h>

#include "base/file.h"

namespace attune::cli {
namespace {

class YamlFile : public ::testing::Test {
 protected:
  Result<std::vector<recipes::Setting>> read(const std::string& text) {
    EXPECT_TRUE(write_file(dir_.file("c.yaml"), text).ok());
    return read_yaml_settings(dir_.file("c.yaml"));
  }
  TemporaryDirectory dir_;
};

TEST_F(YamlFile, KeysKeepTheirLine) {
  auto settings =
      read("# recipe\nlearning_rate: 2e-5\nlora_target_modules: [q, v]\nseed:\n").value();
  ASSERT_EQ(settings.size(), 3u);
  EXPECT_EQ(settings[0].value, "2e-5");
  EXPECT_TRUE(settings[0].where.ends_with("c.yaml:2")) << settings[0].where;
  EXPECT_EQ(settings[1].value, Json({"q", "v"}));
  EXPECT_TRUE(settings[2].value.is_null());
}

TEST_F(YamlFile, MistakesNameTheLine) {
  for (const char* text : {"a: 1\na: 2\n", "- a\n", "a: [1\n", "a: {b: &x {c: *x}}\nb: \"\n", ""}) {
    auto settings = read(text);
    ASSERT_FALSE(settings.ok()) << text;
    EXPECT_EQ(settings.error().code(), ErrorCode::kUsage);
    EXPECT_NE(settings.error().message().find("c.yaml"), std::string::npos);
  }
}

// Each line doubles the one before: a thousand bytes that would fill the memory.
TEST_F(YamlFile, AliasesThatMultiplyAreRefused) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    text += fmt::format("a{0}: &a{0} [*a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}]\n", i,
                        i - 1);
  }
  auto settings = read(text);
  ASSERT_FALSE(settings.ok());
  EXPECT_NE(settings.error().message().find("more than 100000 values"), std::string::npos)
      << settings.error().message();
}

TEST_F(YamlFile, OddFilesAreOneError) {
  std::string deep = "a: " + std::string(5000, '[') + std::string(5000, ']') + "\n";
  for (const std::string& text :
       {std::string("a: 1\nb: \"caf\xe9\"\n"), deep, std::string("a: &x [*x]\n"),
        std::string("\0\0", 2), std::string("{{{"), std::string("? [a]\n: b\n? {c: d}\n: e\n")}) {
    auto settings = read(text);
    ASSERT_FALSE(settings.ok()) << text.substr(0, 40);
    EXPECT_NE(settings.error().message().find("c.yaml"), std::string::npos);
  }
  EXPECT_NE(read(std::string("a: 1\nb\0c: 2\n", 12)).error().message().find("NUL byte"),
            std::string::npos);
}

TEST_F(YamlFile, WhatIsWrittenReadsBack) {
  Json config = {{"a", "x: #y"}, {"b", 2e-5}, {"c", nullptr}, {"d", {"q", "v"}}, {"e", true}};
  auto settings = read(to_yaml(config)).value();
  ASSERT_EQ(settings.size(), 5u);
  EXPECT_EQ(settings[0].value, "x: #y");
  EXPECT_EQ(settings[1].value, "2e-05");
  EXPECT_TRUE(settings[2].value.is_null());
  EXPECT_EQ(settings[3].value, Json({"q", "v"}));
}

}  // namespace
}  // namespace attune::cli
