#include "data/rows.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

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

TEST(Rows, CsvThatWouldLoseAValueIsRefused) {
  for (auto [bytes, reason] : {std::pair("a,b,a\n1,2,3\n", "names a twice"),
                               std::pair("a,,c\n1,2,3\n", "without a name"),
                               std::pair("a,b\n1,\"2\n", "never closed")}) {
    Outcome o = rows_in(bytes);
    ASSERT_FALSE(o.status.ok()) << bytes;
    EXPECT_NE(o.status.error().message().find(reason), std::string::npos)
        << o.status.error().message();
  }
  Outcome o = rows_in(
      "prompt,completion\r\na,\"\xff\"\r\n\"caf\xc3\xa9\",\"x,\"\"y\"\"\"\r\n");
  ASSERT_EQ(o.bad.size(), 1u);
  EXPECT_EQ(o.bad[0], std::make_pair(int64_t{2}, std::string("the line is no UTF-8; save the file "
                                                              "as UTF-8")));
  ASSERT_EQ(o.good.size(), 1u);
  EXPECT_EQ(o.good[0].second, R"({"prompt":"café","completion":"x,\"y\""})");
}

TEST(Rows, WhatIsNoTextSaysWhatItIs) {
  using namespace std::string_view_literals;
  for (auto [bytes, advice] :
       {std::pair("\x1f\x8b\x08\x00rows"sv, "cut short"), std::pair("PK\x03\x04rows"sv, "unzip"),
        std::pair("PAR1rows"sv, "Parquet"), std::pair("ARROW1rows"sv, "Arrow"),
        std::pair("\x28\xb5\x2f\xfdrows"sv, "zstd"), std::pair("BZh91AY"sv, "bzip2"),
        std::pair("\xff\xfe{\x00"sv, "UTF-8"), std::pair("\x7f""ELF,\x02\x01\x00\n"sv, "neither"),
        std::pair("caf\xe9,b\n1,2\n"sv, "neither")}) {
    Outcome o = rows_in(bytes);
    ASSERT_FALSE(o.status.ok()) << bytes;
    EXPECT_NE(o.status.error().message().find(advice), std::string::npos)
        << o.status.error().message();
  }
}

TEST(Rows, ARowAboveTheLimitIsABadRowInEveryLayout) {
  const std::string huge(kRowBytesMax + 1, 'x');
  for (const std::string& bytes : {"{\"a\":1}\n{\"a\":\"" + huge + "\"}\n{\"a\":2}\n",
                                   "{\n\"a\":1}\n{\n\"a\":\"" + huge + "\"}\n{\"a\":2}\n",
                                   "a\n1\n" + huge + "\n2\n"}) {
    Outcome o = rows_in(bytes);
    ASSERT_TRUE(o.status.ok()) << o.status.error().message();
    EXPECT_EQ(o.good.size(), 2u) << bytes.substr(0, 10);
    ASSERT_EQ(o.bad.size(), 1u) << bytes.substr(0, 10);
    EXPECT_NE(o.bad[0].second.find("longer than 64 MiB"), std::string::npos) << o.bad[0].second;
  }
}

TEST(Rows, ANulByteIsNoText) {
  using namespace std::string_view_literals;
  Outcome o = rows_in("{\"a\":\"x\0y\"}\n{\"a\":\"x\\u0000y\"}\n"sv);
  ASSERT_EQ(o.bad.size(), 1u);
  EXPECT_EQ(o.bad[0].first, 1);
  EXPECT_EQ(o.good.size(), 1u);
}

// JSON lines, an array and objects one after another are the same rows.
TEST(Rows, TheLayoutsAgree) {
  EXPECT_TRUE(rc::check("rows do not depend on how they are laid out", [] {
    auto texts = *rc::gen::nonEmpty(rc::gen::container<std::vector<std::string>>(
        rc::gen::container<std::string>(
            rc::gen::element('a', '"', '\\', '{', '}', ']', ',', '\n'))));
    std::string lines, spread, array;
    for (const std::string& text : texts) {
      OrderedJson row = {{"text", text}, {"n", {1, 2}}};
      lines += to_line(row) + (text.size() % 2 == 0 ? "\n" : "\r\n\r\n");
      spread += row.dump(text.size() % 3 == 0 ? 1 : 2) + "\n";
      array += (array.empty() ? "[" : ",") + to_line(row);
    }
    Outcome expected = rows_in(lines);
    RC_ASSERT(expected.good.size() == texts.size());
    for (const std::string& bytes : {spread, array + "]"}) {
      Outcome o = rows_in(bytes);
      RC_ASSERT(o.status.ok());
      RC_ASSERT(o.bad.empty());
      RC_ASSERT(o.good.size() == texts.size());
      for (size_t i = 0; i < texts.size(); ++i) {
        RC_ASSERT(o.good[i].second == expected.good[i].second);
      }
    }
  }));
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
  EXPECT_EQ(o.bad[0].second, "the last object is cut short; fetch or write it again");
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
