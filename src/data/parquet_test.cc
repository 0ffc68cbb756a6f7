// Parquet both ways: files of pyarrow are read (tests/golden/parquet), and pyarrow reads ours
// (tests/interop/parquet_open.py).
#include "data/parquet.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "data/import_fixture.h"
#include "tests/support/test_paths.h"

// A build without the wheel pyarrow has no Arrow to test.
#define SKIP_WITHOUT_ARROW() \
  if (!exists(testing::program_path("attune_parquet.so"))) GTEST_SKIP() << "built without Arrow"

namespace attune::data {
namespace {

std::string golden_file(const std::string& name) {
  return read_file(testing::source_path("tests/golden/parquet/" + name)).value();
}

Json golden_rows(const std::string& name) {
  static const Json file = parse_json(golden_file("rows.json")).value();
  return file["rows"][name];
}

// Each row, or the message of a bad one; the error of the whole file last.
Json rows_of(std::string_view bytes) {
  Json rows = Json::array();
  const auto on_row = [&rows](Row row) -> Status {
    EXPECT_EQ(row.number, static_cast<int64_t>(rows.size()) + 1);
    rows.push_back(parse_json(to_line(row.value)).value());
    return {};
  };
  const auto on_bad_row = [&rows](int64_t, const Error& error) -> Status {
    rows.push_back(error.message());
    return {};
  };
  const Status status = for_each_row_in(bytes, "rows.parquet", on_row, on_bad_row);
  if (!status.ok()) rows.push_back(status.error().message());
  return rows;
}

TEST(Parquet, EveryTypeOfColumnIsReadAsPyarrowWroteIt) {
  SKIP_WITHOUT_ARROW();
  for (const char* name : {"types", "old", "oasst", "instructions"}) {
    EXPECT_EQ(rows_of(golden_file(std::string(name) + ".parquet")), golden_rows(name)) << name;
  }
}

TEST(Parquet, EveryCompressionIsRead) {
  SKIP_WITHOUT_ARROW();
  const Json wanted = golden_rows("gpt4all");
  ASSERT_EQ(wanted.size(), 300u);  // more than one batch
  for (const char* codec : {"snappy", "gzip", "zstd", "lz4", "brotli"}) {
    EXPECT_EQ(rows_of(golden_file(fmt::format("gpt4all_{}.parquet", codec))), wanted) << codec;
  }
}

TEST(Parquet, PublishedSetsAreImportedFromIt) {
  SKIP_WITHOUT_ARROW();
  const Imported gpt4all = import_text(golden_file("gpt4all_snappy.parquet"));
  EXPECT_EQ(gpt4all.format, "gpt4all");
  ASSERT_EQ(gpt4all.examples.size(), 300u);
  EXPECT_EQ(gpt4all.examples[3].extra["original_source"], "bigscience/p3");
  const Imported oasst = import_text(golden_file("oasst.parquet"));
  EXPECT_EQ(oasst.format, "oasst");
  ASSERT_EQ(oasst.examples.size(), 1u) << to_line(oasst.report.to_json());
  EXPECT_EQ(to_line(to_json(oasst.examples[0])["ranks"]), "[2,1,null]");
  EXPECT_EQ(to_line(to_json(oasst.examples[0])["axes"]), R"({"quality":[null,null,0.75]})");
}

TEST(Parquet, DamageIsAnErrorThatNamesTheFile) {
  SKIP_WITHOUT_ARROW();
  const std::string whole = golden_file("types.parquet");
  const Json wanted = golden_rows("types");
  for (size_t size = 4; size < whole.size(); size += 97) {
    const Json read = rows_of(whole.substr(0, size));
    ASSERT_TRUE(read.back().is_string()) << size;
    EXPECT_EQ(read.back().get<std::string>().find("rows.parquet: "), 0u) << read.back();
  }
  size_t refused = 0;
  for (size_t at = 4; at < whole.size(); at += 31) {  // whatever it says, it comes to an end
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
    refused += rows_of(damaged) != wanted;
  }
  EXPECT_GT(refused, 0u);
}

const char* const kRows[] = {
    R"({"id":"a","prompt":[{"role":"user","content":"Hi"}],"n":1,"x":null,"ranks":[1,null,2]})",
    R"({"id":"b","prompt":[],"n":2.5,"x":{"deep":[[true]]},"ranks":null,"mixed":"text"})",
    R"({"id":"ü","prompt":[{"role":"user","content":"","name":"n"}],"mixed":{"a":1},"empty":{}})"};

// What the rows become: columns that a row lacks are null, mixed ones texts of JSON.
const char* const kRead[] = {
    R"({"id":"a","prompt":[{"role":"user","content":"Hi","name":null}],"n":1.0,"x":null,
        "ranks":[1,null,2],"mixed":null,"empty":null})",
    R"({"id":"b","prompt":[],"n":2.5,"x":{"deep":[[true]]},"ranks":null,"mixed":"\"text\"",
        "empty":null})",
    R"({"id":"ü","prompt":[{"role":"user","content":"","name":"n"}],"n":null,"x":null,"ranks":null,
        "mixed":"{\"a\":1}","empty":"{}"})"};

std::vector<std::string> write_rows(const std::string& path, int64_t times = 1) {
  auto file = ParquetFile::create(path).value();
  for (int64_t i = 0; i < times; ++i) {
    for (const char* row : kRows) file->write(parse_ordered_json(row).value()).value();
  }
  return file->finish().value();
}

TEST(Parquet, WhatIsWrittenIsReadBack) {
  SKIP_WITHOUT_ARROW();
  const TemporaryDirectory out;
  const std::string path = out.file("rows.parquet");
  EXPECT_EQ(write_rows(path, 200), (std::vector<std::string>{"mixed", "empty"}));
  const Json read = rows_of(read_file(path).value());
  ASSERT_EQ(read.size(), 600u);
  for (size_t i = 0; i < read.size(); ++i) {
    ASSERT_EQ(read[i], parse_json(kRead[i % 3]).value()) << i;
  }
}

TEST(Parquet, PyarrowReadsWhatIsWritten) {
  SKIP_WITHOUT_ARROW();
  const auto python = testing::python_path();
  if (!python) GTEST_SKIP() << "no Python environment (run scripts/setup.sh)";
  const TemporaryDirectory out;
  write_rows(out.file("rows.parquet"));
  const std::string command = *python + " -B " +
                              testing::source_path("tests/interop/parquet_open.py") + " " +
                              out.file("rows.parquet") + " > " + out.file("rows.jsonl");
  ASSERT_EQ(std::system(command.c_str()), 0);
  const auto rows = read_rows(out.file("rows.jsonl")).value();
  ASSERT_EQ(rows.size(), 3u);
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(parse_json(to_line(rows[i].value)).value(), parse_json(kRead[i]).value());
  }
}

// Found by parquet_fuzz: such a page was made room for before it was looked at.
TEST(Parquet, APageThatAnnouncesMoreThanTheLimitIsRefused) {
  SKIP_WITHOUT_ARROW();
  const Json rows = rows_of(golden_file("huge_page.parquet"));
  ASSERT_EQ(rows.size(), 1u);
  const std::string message = rows[0].get<std::string>();
  EXPECT_NE(message.find("cap exceeded"), std::string::npos) << message;
  EXPECT_NE(message.find("rows.parquet"), std::string::npos) << message;
}

TEST(Parquet, ARefusedTableLeavesNoFile) {
  SKIP_WITHOUT_ARROW();
  const TemporaryDirectory out;
  auto empty = ParquetFile::create(out.file("empty.parquet")).value();
  EXPECT_NE(empty->finish().error().message().find("no rows"), std::string::npos);
  auto bare = ParquetFile::create(out.file("bare.parquet")).value();
  ASSERT_TRUE(bare->write(OrderedJson::object()).ok());
  EXPECT_NE(bare->finish().error().message().find("without a column"), std::string::npos);
  EXPECT_FALSE(bare->write(OrderedJson::array()).ok());
  EXPECT_TRUE(list_directory(out.path()).value().empty());
}

TEST(ParquetSchema, IsWhatAllRowsHaveInCommon) {
  const auto schema = [](std::initializer_list<const char*> values) {
    ParquetType type;
    for (const char* value : values) type.add(parse_ordered_json(value).value());
    return to_line(type.to_json());
  };
  EXPECT_EQ(schema({"null"}), R"({"kind":"text"})");
  EXPECT_EQ(schema({"1", "null", "2.5"}), R"({"kind":"number"})");
  EXPECT_EQ(schema({"1", "true"}), R"({"kind":"json"})");
  EXPECT_EQ(schema({"18446744073709551615"}), R"({"kind":"json"})");
  EXPECT_EQ(schema({"[]", "[null]", "[\"a\"]"}), R"({"kind":"list","item":{"kind":"text"}})");
  EXPECT_EQ(schema({"[1]", "[\"a\"]"}), R"({"kind":"list","item":{"kind":"json"}})");
  EXPECT_EQ(schema({"{\"a\":1}", "{\"b\":null}"}),
            R"({"kind":"object","members":[["a",{"kind":"int"}],["b",{"kind":"text"}]]})");
  EXPECT_EQ(schema({"{\"a\":1}", "{}"}), R"({"kind":"json"})");
  EXPECT_EQ(schema({"{\"a\":1}", "[1]", "{\"a\":1}"}), R"({"kind":"json"})");
}

}  // namespace
}  // namespace attune::data
