// Filters, sort keys and vectors.
#include "server/store/search.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/random.h"
#include "tests/support/search_fixture.h"

namespace attune::store {
namespace {

using domain::SearchQuery;
using domain::SearchScope;
using Property = domain::SearchScope::Property;
using Positions = std::vector<int64_t>;

class SearchTest : public testing::SearchFixture {};

TEST_P(SearchTest, WithoutAQuestionAllComeInTheOrderOfInsertion) {
  const int64_t a = add(first_, "a"), other = add(second_, "b"), c = add(first_, "c"),
                d = add(first_, "d");
  EXPECT_EQ(found(all(first_)), (Positions{a, c, d}));
  EXPECT_EQ(found(all(second_)), Positions{other});
  EXPECT_EQ(search(all(first_)).hits[0].score, 1.0);
  SearchQuery page = all(first_);
  page.offset = 1;
  page.limit = 1;
  const auto result = search(page);
  EXPECT_EQ(result.total, 3);
  ASSERT_EQ(result.hits.size(), 1U);
  EXPECT_EQ(result.hits[0].record, c);
  page.offset = 10;
  EXPECT_TRUE(search(page).hits.empty());
}

// ---- filters and sort keys ----

domain::TermsFilter terms(Property property, std::vector<std::string> values,
                          int64_t position = 0) {
  return {{property, position}, std::move(values)};
}
domain::RangeFilter range(Property property, domain::RangeFilter::Bound ge,
                          domain::RangeFilter::Bound le, int64_t position = 0) {
  return {{property, position}, std::move(ge), std::move(le)};
}

class FilterTest : public testing::SearchFixture {
 protected:
  static constexpr int64_t kTopic = 71, kLength = 72, kRating = 81, kLabel = 82;

  void SetUp() override {
    SearchFixture::SetUp();
    if (IsSkipped()) return;
    for (int i = 0; i < 4; ++i) {
      records_.push_back(add(first_, "text " + std::to_string(i), "", i == 3));
    }
    const auto metadata = [&](size_t i, int64_t property, Value term, Value number) {
      run("INSERT INTO metadata_values VALUES ($1, $2, $3, $4)",
          {records_[i], property, term, number});
    };
    metadata(0, kTopic, "sea", nullptr);
    metadata(1, kTopic, "sea", nullptr);
    metadata(1, kTopic, "air", nullptr);
    metadata(2, kTopic, "4", nullptr);
    for (size_t i = 0; i < 3; ++i) metadata(i, kLength, nullptr, 10.5 * static_cast<double>(i));
    answer(0, "ann", "submitted", kRating, "4", 4.0);
    answer(0, "bob", "draft", kRating, "2", 2.0);
    answer(1, "bob", "discarded", kLabel, "yes", nullptr);
    suggestion(0, kRating, "4", 4.0, 0.9, "gpt", "model");
    suggestion(1, kRating, "1", 1.0, 0.1, "ann", "human");
    suggestion(2, kLabel, "no", nullptr, nullptr, nullptr, nullptr);
  }

  void answer(size_t i, const std::string& user, const std::string& status, int64_t question,
              Value term, Value number) {
    run("INSERT INTO responses VALUES ($1, $2, $3, $4, $5, '{}', 't', 't')",
        {user + std::to_string(i), records_[i], first_.dataset.position, user, status});
    run("INSERT INTO answer_values VALUES ($1, $2, $3, $4, $5)",
        {records_[i], question, user, term, number});
  }
  void suggestion(size_t i, int64_t question, const std::string& term, Value number, Value score,
                  Value agent, Value type) {
    run("INSERT INTO suggestions VALUES ($1, $2, $3, $4, $5, $6, NULL, 't', 't')",
        {fmt::format("s{}", i), records_[i], question, term, type, agent});
    run("INSERT INTO suggestion_values VALUES ($1, $2, $3, $4, $5)",
        {records_[i], question, term, number, score});
  }

  // The indexes of the records that are found.
  std::vector<size_t> indexes(const SearchQuery& query) {
    std::vector<size_t> result;
    for (const int64_t record : found(query)) {
      result.push_back(static_cast<size_t>(
          std::find(records_.begin(), records_.end(), record) - records_.begin()));
    }
    return result;
  }
  std::vector<size_t> filtered(std::vector<domain::SearchFilter> filters,
                               std::optional<std::string> answers_of = std::nullopt) {
    SearchQuery query = all(first_);
    query.filters = std::move(filters);
    query.answers_of = std::move(answers_of);
    return indexes(query);
  }
  std::vector<size_t> sorted(Property property, bool descending, int64_t position = 0,
                             std::optional<std::string> answers_of = std::nullopt) {
    SearchQuery query = all(first_);
    query.sort = {{{property, position}, descending}};
    query.answers_of = std::move(answers_of);
    EXPECT_EQ(search(query).hits[0].score, std::nullopt);
    return indexes(query);
  }

  Positions records_;
};

using Indexes = std::vector<size_t>;

TEST_P(FilterTest, RecordsByTheirOwnColumns) {
  EXPECT_EQ(filtered({terms(Property::kId, {"0001", "0003", "none"})}), (Indexes{0, 2}));
  EXPECT_EQ(filtered({terms(Property::kExternalId, {"e0002"})}), Indexes{1});
  EXPECT_EQ(filtered({terms(Property::kStatus, {"completed"})}), Indexes{3});
  EXPECT_EQ(filtered({terms(Property::kStatus, {"pending"})}), (Indexes{0, 1, 2}));
  EXPECT_EQ(filtered({terms(Property::kStatus, {"pending", "completed"})}), (Indexes{0, 1, 2, 3}));
  EXPECT_EQ(filtered({terms(Property::kStatus, {"moon"})}), Indexes{});
  EXPECT_EQ(filtered({range(Property::kInsertedAt, "2026-01-01T00:00:00.0002",
                            "2026-01-01T00:00:00.0003")}),
            (Indexes{1, 2}));
  EXPECT_EQ(filtered({range(Property::kUpdatedAt, {}, "2026-01-01T00:00:00.0001")}), Indexes{0});
  EXPECT_EQ(filtered({range(Property::kId, 3.0, {})}), Indexes{});  // no number is an id
  EXPECT_EQ(filtered({terms(Property::kId, {"0001"}), terms(Property::kId, {"0002"})}), Indexes{});
}

TEST_P(FilterTest, Metadata) {
  EXPECT_EQ(filtered({terms(Property::kMetadata, {"sea"}, kTopic)}), (Indexes{0, 1}));
  EXPECT_EQ(filtered({terms(Property::kMetadata, {"air", "4"}, kTopic)}), (Indexes{1, 2}));
  EXPECT_EQ(filtered({terms(Property::kMetadata, {"sea"}, kLength)}), Indexes{});
  EXPECT_EQ(filtered({terms(Property::kMetadata, {"10.5", "21.0", "x"}, kLength)}),
            (Indexes{1, 2}));
  EXPECT_EQ(filtered({range(Property::kMetadata, 10.5, 21.0, kLength)}), (Indexes{1, 2}));
  EXPECT_EQ(filtered({range(Property::kMetadata, 11.0, {}, kLength)}), Indexes{2});
  EXPECT_EQ(filtered({range(Property::kMetadata, "b", "t", kTopic)}), (Indexes{0, 1}));
  EXPECT_EQ(filtered({range(Property::kMetadata, 1.0, "t", kLength)}), Indexes{});
}

TEST_P(FilterTest, AnswersOfEverybodyOrOfOne) {
  const auto status = [](const char* name) { return terms(Property::kResponseStatus, {name}); };
  EXPECT_EQ(filtered({status("submitted")}), Indexes{0});
  EXPECT_EQ(filtered({status("submitted")}, "bob"), Indexes{});
  EXPECT_EQ(filtered({status("draft")}, "bob"), Indexes{0});
  EXPECT_EQ(filtered({status("pending")}), (Indexes{2, 3}));
  EXPECT_EQ(filtered({status("pending")}, "ann"), (Indexes{1, 2, 3}));
  EXPECT_EQ(filtered({status("pending"), terms(Property::kStatus, {"pending"})}, "ann"),
            (Indexes{1, 2}));
  EXPECT_EQ(filtered({terms(Property::kResponseStatus, {"pending", "discarded"})}),
            (Indexes{1, 2, 3}));
  EXPECT_EQ(filtered({terms(Property::kResponseStatus, {"pending", "draft"})}, "bob"),
            (Indexes{0, 2, 3}));
  EXPECT_EQ(filtered({terms(Property::kResponseValue, {"4"}, kRating)}), Indexes{0});
  EXPECT_EQ(filtered({terms(Property::kResponseValue, {"4"}, kRating)}, "bob"), Indexes{});
  EXPECT_EQ(filtered({range(Property::kResponseValue, 1.0, 3.0, kRating)}, "bob"), Indexes{0});
  EXPECT_EQ(filtered({terms(Property::kResponseValue, {"yes"}, kLabel)}), Indexes{1});
}

TEST_P(FilterTest, Suggestions) {
  EXPECT_EQ(filtered({terms(Property::kSuggestionValue, {"4", "no"}, kRating)}), Indexes{0});
  EXPECT_EQ(filtered({terms(Property::kSuggestionValue, {"no"}, kLabel)}), Indexes{2});
  EXPECT_EQ(filtered({range(Property::kSuggestionValue, 0.0, 4.0, kRating)}), (Indexes{0, 1}));
  EXPECT_EQ(filtered({range(Property::kSuggestionScore, 0.5, {}, kRating)}), Indexes{0});
  EXPECT_EQ(filtered({terms(Property::kSuggestionScore, {"0.1"}, kRating)}), Indexes{1});
  EXPECT_EQ(filtered({terms(Property::kSuggestionAgent, {"gpt"}, kRating)}), Indexes{0});
  EXPECT_EQ(filtered({terms(Property::kSuggestionType, {"human", "model"}, kRating)}),
            (Indexes{0, 1}));
}

TEST_P(FilterTest, SortKeysPutRecordsWithoutAValueLast) {
  EXPECT_EQ(sorted(Property::kInsertedAt, true), (Indexes{3, 2, 1, 0}));
  EXPECT_EQ(sorted(Property::kStatus, false), (Indexes{3, 0, 1, 2}));
  EXPECT_EQ(sorted(Property::kStatus, true), (Indexes{0, 1, 2, 3}));
  EXPECT_EQ(sorted(Property::kMetadata, true, kLength), (Indexes{2, 1, 0, 3}));
  EXPECT_EQ(sorted(Property::kMetadata, false, kTopic), (Indexes{2, 1, 0, 3}));
  EXPECT_EQ(sorted(Property::kMetadata, true, kTopic), (Indexes{0, 1, 2, 3}));
  EXPECT_EQ(sorted(Property::kSuggestionScore, false, kRating), (Indexes{1, 0, 2, 3}));
  EXPECT_EQ(sorted(Property::kSuggestionAgent, false, kRating), (Indexes{1, 0, 2, 3}));
  EXPECT_EQ(sorted(Property::kResponseValue, false, kRating), (Indexes{0, 1, 2, 3}));
  EXPECT_EQ(sorted(Property::kResponseStatus, false), (Indexes{1, 0, 2, 3}));
  EXPECT_EQ(sorted(Property::kResponseStatus, false, 0, "ann"), (Indexes{0, 1, 2, 3}));
  EXPECT_EQ(sorted(Property::kExternalId, true), (Indexes{3, 2, 1, 0}));
}

TEST_P(FilterTest, WordsFiltersAndKeysTogether) {
  SearchQuery query = words("text");
  query.filters = {terms(Property::kMetadata, {"sea"}, kTopic)};
  EXPECT_EQ(indexes(query).size(), 2U);
  EXPECT_EQ(found_sorted(query), (Positions{records_[0], records_[1]}));
  query.sort = {{{Property::kMetadata, kLength}, true}};
  EXPECT_EQ(indexes(query), (Indexes{1, 0}));
  query.limit = 1;
  EXPECT_EQ(search(query).total, 2);
  EXPECT_EQ(search(query).hits.size(), 1U);
}

TEST_P(FilterTest, AShuffledOrderIsOnesOwnAndStays) {
  const Status stored = database().write([&](Connection& c) -> Status {
    for (int i = 0; i < 30; ++i) TRY(add_in(c, first_, "more"));
    return {};
  });
  ASSERT_TRUE(stored.ok());
  SearchQuery query = all(first_);
  query.shuffled_for = "ann";
  const Positions ann = found(query);
  EXPECT_EQ(found(query), ann);
  query.shuffled_for = "bob";
  const Positions bob = found(query);
  EXPECT_NE(ann, bob);
  EXPECT_FALSE(std::is_sorted(ann.begin(), ann.end()));
  EXPECT_TRUE(std::is_permutation(ann.begin(), ann.end(), bob.begin(), bob.end()));
}

// ---- vectors ----

class VectorTest : public FilterTest {
 protected:
  static constexpr int64_t kVector = 91;

  using Vectors = std::vector<std::pair<int64_t, std::vector<float>>>;  // by record

  void give_vectors(const Vectors& vectors) {
    const Status given = database().write([&](Connection& c) -> Status {
      for (const auto& [record, components] : vectors) {
        Bytes bytes(components.size() * sizeof(float));
        std::memcpy(bytes.data(), components.data(), bytes.size());
        TRY(c.run("INSERT INTO record_vectors VALUES ($1, $2, $3)", {record, kVector, bytes}));
      }
      return {};
    });
    ASSERT_TRUE(given.ok()) << given.error().message();
  }
  SearchQuery near(std::vector<float> value, bool most_similar = true) {
    SearchQuery query = all(first_);
    query.vector = domain::VectorQuery{kVector, std::move(value), most_similar, std::nullopt};
    return query;
  }
};

TEST_P(VectorTest, TheNearestComeFirstWithTheirScores) {
  give_vectors({{records_[0], {1, 0}}, {records_[1], {1, 1}}, {records_[2], {-2, 0}}});
  const auto result = search(near({2, 0}));
  ASSERT_EQ(result.total, 3);
  EXPECT_EQ(result.hits[0].record, records_[0]);
  EXPECT_DOUBLE_EQ(*result.hits[0].score, 1.0);
  EXPECT_NEAR(*result.hits[1].score, (1 + std::sqrt(0.5)) / 2, 1e-12);
  EXPECT_DOUBLE_EQ(*result.hits[2].score, 0.0);
  EXPECT_EQ(indexes(near({2, 0}, false)), (Indexes{2, 1, 0}));
  EXPECT_DOUBLE_EQ(*search(near({2, 0}, false)).hits[0].score, 1.0);
  SearchQuery query = near({2, 0});
  query.vector->left_out = records_[0];
  EXPECT_EQ(indexes(query), (Indexes{1, 2}));
  query = near({2, 0});
  query.text = {.text = "2 | 1", .field = std::nullopt};
  EXPECT_EQ(indexes(query), (Indexes{1, 2}));
  query.filters = {terms(Property::kMetadata, {"sea"}, kTopic)};
  EXPECT_EQ(indexes(query), Indexes{1});
  query = near({2, 0});
  query.sort = {{{Property::kMetadata, kLength}, true}};
  EXPECT_EQ(indexes(query), (Indexes{2, 1, 0}));
  query = near({2, 0});
  query.offset = 1;
  query.limit = 1;
  EXPECT_EQ(search(query).hits[0].record, records_[1]);
  EXPECT_EQ(search(near({1, 0, 0})).total, 0);  // of another length
  EXPECT_EQ(search(near({0, 0})).hits[0].score, 0.5);
}

TEST_P(VectorTest, AThousandOfManyAreFoundInOrder) {
  Random random(3);
  std::vector<std::pair<double, int64_t>> expected;
  Vectors vectors;
  const std::vector<float> value = {0.3F, -0.2F, 0.9F, 0.1F, 0.5F, 0.7F, -0.4F, 0.6F, 0.2F, -0.8F};
  for (int i = 0; i < 1500; ++i) {
    std::vector<float> components;
    double ab = 0, aa = 0, bb = 0;
    for (const float y : value) {
      const auto x = static_cast<float>(random.normal());
      components.push_back(x);
      ab += static_cast<double>(x) * static_cast<double>(y);
      aa += static_cast<double>(x) * static_cast<double>(x);
      bb += static_cast<double>(y) * static_cast<double>(y);
    }
    vectors.emplace_back(1000 + i, components);
    expected.push_back({-(1 + ab / std::sqrt(aa * bb)) / 2, 1000 + i});
  }
  give_vectors(vectors);
  std::sort(expected.begin(), expected.end());
  const auto result = search(near(value));
  EXPECT_EQ(result.total, 1000);
  ASSERT_EQ(result.hits.size(), 1000U);
  for (size_t i = 0; i < 1000; ++i) {
    EXPECT_EQ(result.hits[i].record, expected[i].second);
    EXPECT_NEAR(*result.hits[i].score, -expected[i].first, 1e-12);
  }
}

INSTANTIATE_BOTH_DATABASES(SearchTest);
INSTANTIATE_BOTH_DATABASES(FilterTest);
INSTANTIATE_BOTH_DATABASES(VectorTest);

}  // namespace
}  // namespace attune::store
