#include "server/store/search.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/random.h"
#include "tests/support/both_databases.h"
#include "server/store/text_index.h"
#include "server/store/text_match.h"
#include "server/store/text_words.h"
#include "server/store/vector_search.h"

namespace attune::store {
namespace {

using domain::SearchQuery;
using domain::SearchScope;
using Property = domain::SearchScope::Property;

class SearchTest : public testing::BothDatabases {
 protected:
  void SetUp() override {
    BothDatabases::SetUp();
    if (IsSkipped()) return;
    run("INSERT INTO workspaces VALUES ('w', 'w', 't', 't')");
    first_ = new_dataset("first");
    second_ = new_dataset("second");
  }

  Rows run(const std::string& sql, std::vector<Value> values = {}) {
    return database().write([&](Connection& c) { return c.run(sql, values); }).value();
  }

  domain::Schema new_dataset(const std::string& name) {
    domain::Schema schema;
    schema.dataset.id = schema.dataset.name = name;
    schema.dataset.position =
        run("INSERT INTO datasets (id, name, workspace_id, allow_extra_metadata, published, "
            "min_submitted, discards_complete, last_activity_at, inserted_at, updated_at) VALUES "
            "($1, $1, 'w', 1, 1, 1, 0, 't', 't', 't') RETURNING position",
            {name})[0]
            .integer(0);
    for (const char* field : {"question", "answer"}) {
      domain::Field one;
      one.name = field;
      one.settings = {{"type", "text"}};
      schema.fields.push_back(one);
    }
    return schema;
  }

  // A record with these texts in its fields; gives its position.
  int64_t add(const domain::Schema& schema, const std::string& question,
              const std::string& answer = "", bool completed = false) {
    const OrderedJson fields = {{"question", question}, {"answer", answer}};
    const std::string id = fmt::format("{:04}", ++records_made_);
    return database()
        .write([&](Connection& c) -> Result<int64_t> {
          const Rows rows = TRY(c.run(
              "INSERT INTO records (id, dataset, external_id, fields, completed, inserted_at, "
              "updated_at) VALUES ($1, $2, $3, $4, $5, $6, $6) RETURNING position",
              {id, schema.dataset.position, "e" + id, to_line(fields), int64_t{completed},
               "2026-01-01T00:00:00." + id}));
          const TextToIndex text{rows[0].integer(0), &fields};
          TRY(index_texts(c, schema, std::span(&text, 1)));
          return rows[0].integer(0);
        })
        .value();
  }

  domain::SearchResult search(const SearchQuery& query) {
    const auto result = database().read([&](Connection& c) { return search_records(c, query); });
    EXPECT_TRUE(result.ok()) << result.error().message();
    return result.ok() ? *result : domain::SearchResult{};
  }
  SearchQuery all(const domain::Schema& schema) const {
    SearchQuery query;
    query.dataset = schema.dataset.position;
    query.limit = 1000;
    return query;
  }
  SearchQuery words(const std::string& text, std::optional<size_t> field = std::nullopt) const {
    SearchQuery query = all(first_);
    query.text = {.text = text, .field = field};
    return query;
  }
  // What is found, in order.
  std::vector<int64_t> found(const SearchQuery& query) {
    const domain::SearchResult result = search(query);
    std::vector<int64_t> records;
    for (const auto& hit : result.hits) records.push_back(hit.record);
    EXPECT_EQ(result.total, static_cast<int64_t>(records.size()));
    return records;
  }
  std::vector<int64_t> found_sorted(const SearchQuery& query) {
    std::vector<int64_t> records = found(query);
    std::sort(records.begin(), records.end());
    return records;
  }

  domain::Schema first_, second_;
  int records_made_ = 0;
};

using Positions = std::vector<int64_t>;

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

TEST_P(SearchTest, WordsAreFoundOverAllFieldsOrInOne) {
  const int64_t a = add(first_, "The Crème brûlée", "is sweet"), b = add(first_, "is it hot", "creme"),
                c = add(first_, "hot coffee", "no sugar");
  add(second_, "creme sweet hot");
  EXPECT_EQ(found_sorted(words("CREME")), (Positions{a, b}));
  EXPECT_EQ(found_sorted(words("creme sweet")), Positions{a});
  EXPECT_EQ(found_sorted(words("hot | sweet")), (Positions{a, b, c}));
  EXPECT_EQ(found_sorted(words("hot -creme")), Positions{c});
  EXPECT_EQ(found_sorted(words("-creme")), Positions{c});
  EXPECT_EQ(found_sorted(words("-nowhere")), (Positions{a, b, c}));
  EXPECT_EQ(found_sorted(words("sweet | -creme")), (Positions{a, c}));
  EXPECT_EQ(found_sorted(words("\"is it\"")), Positions{b});
  EXPECT_EQ(found_sorted(words("\"brulee is\"")), Positions{});  // of two fields
  EXPECT_EQ(found_sorted(words("cof* | brul*")), (Positions{a, c}));
  EXPECT_EQ(found_sorted(words("creme", 0)), Positions{a});
  EXPECT_EQ(found_sorted(words("creme", 1)), Positions{b});
  EXPECT_EQ(found_sorted(words("-creme", 1)), (Positions{a, c}));
  EXPECT_EQ(found_sorted(words("creme hot", 1)), Positions{});
  EXPECT_EQ(found_sorted(words("\"hot is\"~1")), Positions{b});
  EXPECT_EQ(found_sorted(words("\"hot is\"~1 -nothing")), Positions{b});
  EXPECT_EQ(found_sorted(words("-\"hot is\"~1")), (Positions{a, c}));
  EXPECT_EQ(found_sorted(words("cofee~1")), Positions{c});
  EXPECT_EQ(found_sorted(words("caffe~2 hot")), Positions{c});
  EXPECT_EQ(found_sorted(words("cafe~1")), Positions{});
  EXPECT_EQ(found_sorted(words("")), Positions{});
}

TEST_P(SearchTest, AChangedOrRemovedRecordIsFoundByItsNewWordsAlone) {
  const int64_t a = add(first_, "old words"), b = add(first_, "other words");
  const OrderedJson fields = {{"question", "new words"}};
  const TextToIndex text{a, &fields};
  const auto change = [&](auto&& body) { ASSERT_TRUE(database().write(body).ok()); };
  change([&](Connection& c) { return index_texts(c, first_, std::span(&text, 1)); });
  EXPECT_EQ(found(words("old")), Positions{});
  EXPECT_EQ(found(words("new")), Positions{a});
  change([&](Connection& c) {
    return unindex_texts(c, first_.dataset.position, std::span(&b, 1));
  });
  EXPECT_EQ(found(words("words")), Positions{a});
  change([&](Connection& c) { return unindex_dataset(c, first_.dataset.position); });
  EXPECT_EQ(found(words("words")), Positions{});
}

TEST_P(SearchTest, WhatWasLeftForLaterIsIndexedOnce) {
  Positions positions;
  for (int i = 0; i < 7; ++i) positions.push_back(add(first_, "word"));
  add(second_, "word");
  for (const size_t left : {0U, 3U, 6U}) {
    const Status removed = database().write([&](Connection& c) {
      return unindex_texts(c, first_.dataset.position, std::span(&positions[left], 1));
    });
    ASSERT_TRUE(removed.ok());
  }
  EXPECT_EQ(found(words("word")).size(), 4U);
  int portions = 0;
  std::optional<int64_t> at = 0;
  while (at) {
    ++portions;
    at = database()
             .write([&](Connection& c) { return index_missing_texts(c, first_, *at, 3); })
             .value();
  }
  EXPECT_EQ(portions, 4);
  EXPECT_EQ(found_sorted(words("word")), positions);
  EXPECT_EQ(search(words("word | nothing")).total, 7);
}

// A second opinion: the same question answered by looking at every record.
class PlainReading {
 public:
  using Document = std::vector<std::vector<std::string>>;  // words by field

  static bool holds(const TextNode& node, const Document& document, std::optional<size_t> field) {
    const auto inner = [&](const TextNode& child) { return holds(child, document, field); };
    if (node.kind == TextNode::Kind::kAnd) {
      return std::all_of(node.children.begin(), node.children.end(), inner);
    }
    if (node.kind == TextNode::Kind::kOr) {
      return std::any_of(node.children.begin(), node.children.end(), inner);
    }
    if (node.kind == TextNode::Kind::kNot) return !inner(node.children[0]);
    for (size_t i = 0; i < document.size(); ++i) {
      if (field && *field != i) continue;
      if (node.kind == TextNode::Kind::kNear ? near(node, document[i]) : leaf(node, document[i])) {
        return true;
      }
    }
    return false;
  }

 private:
  static bool leaf(const TextNode& node, const std::vector<std::string>& words) {
    for (size_t at = 0; at + node.words.size() <= words.size(); ++at) {
      bool all = true;
      for (size_t i = 0; i < node.words.size(); ++i) {
        const bool last = i + 1 == node.words.size();
        const std::string& word = words[at + i];
        all = all && (node.kind == TextNode::Kind::kPrefix && last ? word.starts_with(node.words[i])
                                                                  : word == node.words[i]);
      }
      if (all) return true;
    }
    return false;
  }

  // Every choice of a place for each word.
  static bool near(const TextNode& node, const std::vector<std::string>& words,
                   std::vector<int64_t> places = {}) {
    if (places.size() == node.words.size()) {
      const auto [low, high] = std::minmax_element(places.begin(), places.end());
      return *high - *low < node.distance + static_cast<int64_t>(node.words.size());
    }
    for (size_t at = 0; at < words.size(); ++at) {
      const auto place = static_cast<int64_t>(at);
      if (words[at] != node.words[places.size()]) continue;
      if (std::find(places.begin(), places.end(), place) != places.end()) continue;
      places.push_back(place);
      if (near(node, words, places)) return true;
      places.pop_back();
    }
    return false;
  }
};

std::string any_words(Random& random, size_t most) {
  static constexpr const char* kWords[] = {"ab", "abc", "b", "ça", "d-e", "模型", "x1", "not", "or"};
  std::string text;
  for (uint64_t i = random.below(most + 1); i > 0; --i) {
    text += kWords[random.below(std::size(kWords))];
    text += ' ';
  }
  return text;
}

// Words and operators in any order, well formed or not.
std::string any_question(Random& random) {
  static constexpr const char* kParts[] = {"ab", "abc", "b",  "ça", "d-e", "模", "模型", "x1", "not",
                                           "or", "x*",  "a*", "|",  "|",   "-",  "(",    ")",  "+",
                                           "\"", "~2",  "*",  "'",  ":",   "^",  "AND",  "f0"};
  std::string text;
  for (uint64_t i = random.below(7) + 1; i > 0; --i) {
    switch (random.below(5)) {
      case 0: text += '"' + any_words(random, 3) + "\"~" + std::to_string(random.below(4)); break;
      case 1: text += '"' + any_words(random, 3) + '"'; break;
      default: text += kParts[random.below(std::size(kParts))];
    }
    if (random.below(4) != 0) text += ' ';
  }
  return text;
}

// A fuzzy word needs the index; and FTS5 takes one place of a word twice for "a a" near each other.
bool is_plain(const TextNode& node) {
  if (node.kind == TextNode::Kind::kFuzzy) return false;
  if (node.kind == TextNode::Kind::kNear) {
    return std::set(node.words.begin(), node.words.end()).size() == node.words.size();
  }
  return std::all_of(node.children.begin(), node.children.end(), is_plain);
}

TEST_P(SearchTest, FindsWhatPlainReadingFinds) {
  Random random(5);
  std::vector<std::pair<int64_t, PlainReading::Document>> documents;
  for (int i = 0; i < 60; ++i) {
    const std::string question = any_words(random, 6), answer = any_words(random, 6);
    documents.push_back({add(first_, question, answer), {words_of(question), words_of(answer)}});
    if (i % 3 == 0) add(second_, question, answer);
  }
  int asked = 0, hits = 0;
  for (int i = 0; i < 400; ++i) {
    const std::string question = any_question(random);
    const auto tree = parse_text_query(question);
    if (!tree || !is_plain(*tree)) continue;
    std::optional<size_t> field;
    if (random.below(3) == 0) field = random.below(2);
    Positions expected;
    for (const auto& [record, document] : documents) {
      if (PlainReading::holds(*tree, document, field)) expected.push_back(record);
    }
    ++asked;
    hits += static_cast<int>(expected.size());
    EXPECT_EQ(found_sorted(words(question, field)), expected) << question;
  }
  EXPECT_GT(asked, 200);
  EXPECT_GT(hits, 1000);
}

TEST_P(SearchTest, NothingThatPeopleWriteIsAnError) {
  add(first_, "some words");
  for (const std::string& question :
       {std::string("'; DROP TABLE records; --"), std::string("\" OR 1=1 --"), std::string("f0 : x"),
        std::string("NEAR(a b)"), std::string("{f0} : a"), std::string("a AND"), std::string("'a' & !b"),
        std::string("a <-> b"), std::string("a:*"), std::string("\\"), std::string("%_"),
        std::string("every"), std::string("\xEF\xA3\xBF"), std::string("a\0b", 3),
        std::string("\xFF\xFE"), std::string(20'000, 'x'), std::string(3000, '"') + "a",
        std::string(5000, '(') + "a" + std::string(5000, ')')}) {
    EXPECT_LE(search(words(question)).total, 1) << question.substr(0, 50);
  }
  std::string deep = "some";
  for (int i = 0; i < 60; ++i) deep = "(" + deep + (i % 2 == 0 ? ") | none" : ") + words");
  EXPECT_LE(search(words(deep)).total, 1);
}

TEST_P(SearchTest, TheBestHitsComeFirst) {
  add(first_, "tea and coffee and water and milk and wine and beer and juice and cocoa");
  const int64_t best = add(first_, "coffee coffee");
  add(first_, "nothing of the kind");
  const auto result = search(words("coffee"));
  ASSERT_EQ(result.hits.size(), 2U);
  EXPECT_EQ(result.hits[0].record, best);
  EXPECT_GT(result.hits[0].score, result.hits[1].score);
}

TEST_P(SearchTest, BeyondTheRankedHitsTheOthersFollowInOrder) {
  const int64_t many = kRankedMax + 30;
  const OrderedJson fields = {{"question", "same word"}};
  Positions positions;
  const Status stored = database().write([&](Connection& c) -> Status {
    for (int64_t i = 0; i < many; ++i) {
      positions.push_back(i + 1);
      const TextToIndex text{i + 1, &fields};
      TRY(index_texts(c, first_, std::span(&text, 1)));
    }
    return {};
  });
  ASSERT_TRUE(stored.ok());
  SearchQuery query = words("word");
  query.offset = kRankedMax - 5;
  query.limit = 20;
  const auto result = search(query);
  EXPECT_EQ(result.total, many);
  ASSERT_EQ(result.hits.size(), 20U);
  for (size_t i = 0; i < 20; ++i) {
    EXPECT_EQ(result.hits[i].record, query.offset + static_cast<int64_t>(i) + 1);
    EXPECT_EQ(result.hits[i].score == 0.0, i >= 5);
  }
  EXPECT_GT(result.hits[4].score, 0.0);
}

// ---- filters and sort keys ----

domain::TermsFilter terms(Property property, std::vector<std::string> values, int64_t position = 0) {
  return {{property, position}, std::move(values)};
}
domain::RangeFilter range(Property property, domain::RangeFilter::Bound ge,
                          domain::RangeFilter::Bound le, int64_t position = 0) {
  return {{property, position}, std::move(ge), std::move(le)};
}

class FilterTest : public SearchTest {
 protected:
  static constexpr int64_t kTopic = 71, kLength = 72, kRating = 81, kLabel = 82;

  void SetUp() override {
    SearchTest::SetUp();
    if (IsSkipped()) return;
    for (int i = 0; i < 4; ++i) records_.push_back(add(first_, "text " + std::to_string(i), "", i == 3));
    const auto metadata = [&](size_t i, int64_t property, Value term, Value number) {
      run("INSERT INTO metadata_values VALUES ($1, $2, $3, $4)", {records_[i], property, term, number});
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
  EXPECT_EQ(filtered({terms(Property::kMetadata, {"10.5", "21.0", "x"}, kLength)}), (Indexes{1, 2}));
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
  for (int i = 0; i < 30; ++i) add(first_, "more");
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

  void give_vector(int64_t record, const std::vector<float>& components) {
    Bytes bytes(components.size() * sizeof(float));
    std::memcpy(bytes.data(), components.data(), bytes.size());
    run("INSERT INTO record_vectors VALUES ($1, $2, $3)", {record, kVector, bytes});
  }
  SearchQuery near(std::vector<float> value, bool most_similar = true) {
    SearchQuery query = all(first_);
    query.vector = domain::VectorQuery{kVector, std::move(value), most_similar, std::nullopt};
    return query;
  }
};

TEST_P(VectorTest, TheNearestComeFirstWithTheirScores) {
  give_vector(records_[0], {1, 0});
  give_vector(records_[1], {1, 1});
  give_vector(records_[2], {-2, 0});
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
    give_vector(1000 + i, components);
    expected.push_back({-(1 + ab / std::sqrt(aa * bb)) / 2, 1000 + i});
  }
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
