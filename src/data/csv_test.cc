#include "data/csv.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace attune::data {
namespace {

using Records = std::vector<std::vector<std::string>>;

Result<Records> records_of(std::string_view bytes) {
  Records records;
  TRY(for_each_csv_record(bytes, [&](int64_t, std::vector<std::string> fields) -> Status {
    records.push_back(std::move(fields));
    return {};
  }));
  return records;
}

TEST(Csv, QuotesCommasAndLineEnds) {
  Records expected = {{"a", "b,c", "d\"e\nf"}, {"", "", "x"}};
  EXPECT_EQ(records_of("a,\"b,c\",\"d\"\"e\nf\"\r\n,,x").value(), expected);
}

TEST(Csv, AnUnclosedQuoteNamesItsLine) {
  Result<Records> cut = records_of("a,b\n1,\"two\nthree");
  ASSERT_FALSE(cut.ok());
  EXPECT_EQ(cut.error().message(), "line 2: a quote is opened and never closed");
}

TEST(Csv, RoundTrip) {
  EXPECT_TRUE(rc::check("records survive writing and reading", [] {
    auto record = *rc::gen::container<std::vector<std::string>>(
        rc::gen::container<std::string>(rc::gen::element('a', ',', '"', '\n', ' ')));
    RC_PRE(record.size() > 1u);
    RC_ASSERT(records_of(to_csv_record(record)).value() == Records{record});
  }));
}

}  // namespace
}  // namespace attune::data
