#include "data/rows.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "data/example.h"
#include "tests/support/test_paths.h"

namespace attune::data {
namespace {

struct Outcome {
  std::vector<std::pair<int64_t, std::string>> good;
  std::vector<std::pair<int64_t, std::string>> bad;
  Status status;
};

Outcome rows_in(std::string_view bytes) {
  Outcome outcome;
  outcome.status = for_each_row_in(
      bytes, "data",
      [&](Row row) -> Status {
        outcome.good.emplace_back(row.number, to_line(row.value));
        return {};
      },
      [&](int64_t number, const Error& error) -> Status {
        outcome.bad.emplace_back(number, error.message());
        return {};
      });
  return outcome;
}

TEST(Rows, JsonLinesKeepLineNumbersAndReportBadLines) {
  Outcome o = rows_in("\xef\xbb\xbf{\"a\":1}\r\n\n{oops}\n{\"a\":\"\xff\"}\n{\"a\":2}");
  ASSERT_TRUE(o.status.ok());
  ASSERT_EQ(o.good.size(), 2u);
  EXPECT_EQ(o.good[1], std::make_pair(int64_t{5}, std::string("{\"a\":2}")));
  ASSERT_EQ(o.bad.size(), 2u);
  EXPECT_EQ(o.bad[0].first, 3);
  EXPECT_EQ(o.bad[1].first, 4);
}

TEST(Rows, AnArrayAnObjectStreamAndCsvAreRecognised) {
  EXPECT_EQ(rows_in("[{\"a\":1},{\"a\":2}]").good.size(), 2u);
  Outcome spread = rows_in("{\n \"a\": \"}\\\"\"\n}\n{\n \"a\": 2}");
  ASSERT_EQ(spread.good.size(), 2u);
  EXPECT_EQ(spread.good[0].second, R"({"a":"}\""})");
  Outcome csv = rows_in("prompt,completion\nhello,\"a\nb\"\nonly-one\n");
  ASSERT_EQ(csv.good.size(), 1u);
  EXPECT_EQ(csv.good[0].second, R"({"prompt":"hello","completion":"a\nb"})");
  EXPECT_EQ(csv.bad[0].first, 4);
}

TEST(Rows, NothingUsableIsAnError) {
  for (std::string_view bytes :
       {std::string_view(""), std::string_view(" \n"), std::string_view("[]"),
        std::string_view("[{\"a\":1},"), std::string_view("\x1f\x8b\x08{")}) {
    EXPECT_FALSE(rows_in(bytes).status.ok()) << bytes;
  }
}

TEST(Rows, ACutLastObjectIsABadRow) {
  Outcome o = rows_in("{\n\"a\":1}\n{\n\"a\":");
  EXPECT_EQ(o.good.size(), 1u);
  ASSERT_EQ(o.bad.size(), 1u);
  EXPECT_EQ(o.bad[0].second, "the last object is cut short");
}

TEST(Rows, TheFirstBadRowNamesTheFile) {
  TemporaryDirectory dir;
  ASSERT_TRUE(write_file(dir.file("d.jsonl"), "{\"a\":1}\n{").ok());
  Result<std::vector<Row>> rows = read_rows(dir.file("d.jsonl"));
  ASSERT_FALSE(rows.ok());
  EXPECT_NE(rows.error().message().find("d.jsonl:2: not valid JSON"), std::string::npos);
}

TEST(RowsSample, ConcatenatedObjectsNamedJsonl) {
  SKIP_WITHOUT_SAMPLE(path, "hh-rlhf/sample_rm_data.concatenated.jsonl");
  EXPECT_EQ(read_rows(path).value().size(), 100u);
}

TEST(RowsSample, HelpfulPairsAreImplicitPreferences) {
  SKIP_WITHOUT_SAMPLE(path, "hh-rlhf/helpful-200.jsonl");
  int pairs = 0;
  for (const Row& row : read_rows(path).value()) {
    pairs += parse_example(row.value).value().form == Form::kPreference ? 1 : 0;
  }
  EXPECT_EQ(pairs, 200);
}

}  // namespace
}  // namespace attune::data
