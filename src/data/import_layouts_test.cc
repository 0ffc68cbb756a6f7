// Every format of the table on rows of its published layout (tests/golden/import, stated by hand).
#include <gtest/gtest.h>

#include <set>

#include "base/file.h"
#include "data/import_fixture.h"
#include "data/python_literal.h"
#include "tests/support/test_paths.h"

namespace attune::data {
namespace {

// No layouts where the file cannot be read: EveryFormatHasAGolden then fails.
const OrderedJson& layouts() {
  static const OrderedJson list = []() -> OrderedJson {
    const auto text = read_file(testing::source_path("tests/golden/import/layouts.json"));
    if (!text.ok()) return OrderedJson::array();
    return parse_ordered_json(*text).value().at("layouts");
  }();
  return list;
}

// With members sorted, so that their order does not count.
Json sorted(const OrderedJson& value) {
  return parse_json(to_line(value)).value();
}

// As a file of JSON lines, in the order of the golden's columns.
std::string file_of(const OrderedJson& rows) {
  std::string bytes;
  for (const OrderedJson& row : rows) bytes += to_line(row) + "\n";
  return bytes;
}

ImportOptions options_of(const Json& layout) {
  ImportOptions options;
  const Json& given = layout["options"];
  options.question = given.value("question", "");
  options.alpaca_prompt = given.value("prompt_style", "") == "alpaca";
  options.strip_citations = given.value("strip_citations", false);
  return options;
}

std::map<std::string, int64_t> counts_of(const std::map<std::string, ImportCount>& counts) {
  std::map<std::string, int64_t> result;
  for (const auto& [name, one] : counts) result[name] = one.count;
  return result;
}

using Counts = std::map<std::string, int64_t>;

void expect_warnings(const Json& parts, const ImportReport& report) {
  EXPECT_EQ(report.warnings.size(), parts.size()) << to_line(report.to_json());
  for (const Json& part : parts) {
    bool found = false;
    for (const auto& [warning, one] : report.warnings) {
      found = found || warning.find(part.get<std::string>()) != std::string::npos;
    }
    EXPECT_TRUE(found) << part << " in " << to_line(report.to_json());
  }
}

class ImportLayout : public ::testing::TestWithParam<size_t> {};

TEST_P(ImportLayout, BecomesWhatItsAuthorsSay) {
  const OrderedJson& rows = layouts()[GetParam()]["rows"];
  const Json layout = sorted(layouts()[GetParam()]);
  const auto name = layout["format"].get<std::string>();
  SCOPED_TRACE(name);
  const Imported read = import_text(file_of(rows), name.c_str(), options_of(layout));
  ASSERT_EQ(read.error, "");
  EXPECT_EQ(read.report.rows_read, static_cast<int64_t>(layout["rows"].size()));
  EXPECT_EQ(counts_of(read.report.dropped), layout["dropped"].get<Counts>())
      << to_line(read.report.to_json());
  EXPECT_EQ(counts_of(read.report.notes), layout["notes"].get<Counts>());
  ASSERT_EQ(read.examples.size(), layout["examples"].size()) << to_line(read.report.to_json());
  for (size_t i = 0; i < read.examples.size(); ++i) {
    EXPECT_EQ(sorted(to_json(read.examples[i])), layout["examples"][i]);
  }
  if (!read.examples.empty()) expect_warnings(layout["warns"], read.report);
  // Its columns alone say what it is, but for the name of the set among those that share them.
  const ImportFormat& detected = detect_import_format(rows[0]);
  const ImportFormat& wanted = *find_import_format(name).value();
  const auto same = formats_of_same_layout(wanted, rows[0]);
  const bool shared = std::find(same.begin(), same.end(), detected.name) != same.end();
  EXPECT_TRUE(&detected == &wanted || shared) << "detected as " << detected.name;
}

INSTANTIATE_TEST_SUITE_P(Golden, ImportLayout,
                         ::testing::Range(size_t{0}, layouts().size()));

TEST(ImportLayouts, EveryFormatHasAGoldenAndOnlySetsOfOneLayoutShareIt) {
  std::set<std::string> tested;
  std::set<std::string> shares;
  for (const OrderedJson& layout : layouts()) {
    tested.insert(layout["format"].get<std::string>());
    const ImportFormat& format = *find_import_format(layout["format"].get<std::string>()).value();
    for (const OrderedJson& row : layout["rows"]) {
      if (!format.recognises(row)) continue;  // a mistake that the layout's reader meets
      for (const std::string& other : formats_of_same_layout(format, row)) {
        shares.insert(std::string(format.name) + " " + other);
      }
    }
  }
  for (const ImportFormat& format : import_formats()) {
    EXPECT_TRUE(tested.contains(format.name)) << format.name;
  }
  const std::set<std::string> of_alpaca = {"alpaca", "alpaca_cleaned", "gsm8k_alpaca", "gpt4_llm",
                                           "self_instruct_generated"};
  for (const std::string& pair : shares) {
    const size_t space = pair.find(' ');
    const bool alpaca = of_alpaca.contains(pair.substr(0, space)) &&
                        of_alpaca.contains(pair.substr(space + 1));
    const bool dolly = pair == "dolly oasst_flat" || pair == "oasst_flat dolly";
    const bool tasks = pair == "self_instruct_eval self_instruct";
    EXPECT_TRUE(alpaca || dolly || tasks) << pair;
  }
}

TEST(ImportLayouts, ALayoutThatSeveralSetsShareIsSaid) {
  const Imported read = import_text(R"({"instruction":"a","input":"","output":"b"})");
  EXPECT_EQ(read.format, "alpaca");
  ASSERT_EQ(read.report.notes.size(), 1u);
  EXPECT_NE(read.report.notes.begin()->first.find("alpaca_cleaned, gsm8k_alpaca, gpt4_llm"),
            std::string::npos);
  EXPECT_TRUE(import_text(R"({"instruction":"a","input":"","output":"b"})", "gpt4_llm")
                  .report.notes.empty());
}

TEST(ImportLayouts, TextsWithAMetaOfTheirOwnAreNotRedPajama) {
  EXPECT_EQ(import_text(R"({"text":"a","meta":{"pile_set_name":"Enron"}})").format, "trl");
  EXPECT_EQ(import_text(R"({"text":"a","meta":"{'source': 'c4'}"})").format, "redpajama");
}

TEST(PythonLiteral, IsReadAsJson) {
  const auto read = [](const char* text) { return to_line(parse_python_literal(text).value()); };
  EXPECT_EQ(read("{'a': None, \"b\": [True, False, (1, -2.5,)], 'c': {}}"),
            R"({"a":null,"b":[true,false,[1,-2.5]],"c":{}})");
  EXPECT_EQ(read(R"('it\'s "\n\x41\u00e9\U0001F600')"), "\"it's \\\"\\nAé😀\"");
  EXPECT_EQ(read(" 12345678901234567890 "), "1.2345678901234567e+19");
  for (const char* wrong :
       {"", "{", "{'a'}", "{'a': }", "{'a': 1 'b': 2}", "[1 2]", "'open", "'\\q'", "'\\ud800'",
        "nan", "1e999", "{1: 2}", "None x", "'\\x4"}) {
    EXPECT_FALSE(parse_python_literal(wrong).ok()) << wrong;
  }
  EXPECT_NE(parse_python_literal(std::string(1000, '[')).error().message().find("deep"),
            std::string::npos);
}

}  // namespace
}  // namespace attune::data
