// Words: what is found, against a plain reading of the same texts, and in which order.
#include <algorithm>
#include <set>

#include "base/random.h"
#include "server/store/text_match.h"
#include "server/store/text_words.h"
#include "tests/support/search_fixture.h"

namespace attune::store {
namespace {

class TextSearchTest : public testing::SearchFixture {
 protected:
  MissingTexts missing_behind(int64_t position, int64_t limit) {
    return database()
        .read([&](Connection& c) { return missing_texts(c, first_, position, limit); })
        .value();
  }
  void index(const MissingTexts& missing) {
    const Status done =
        database().write([&](Connection& c) { return index_missing(c, first_, missing); });
    ASSERT_TRUE(done.ok()) << done.error().message();
  }
};

using Positions = std::vector<int64_t>;

TEST_P(TextSearchTest, WordsAreFoundOverAllFieldsOrInOne) {
  const int64_t a = add(first_, "The Crème brûlée", "is sweet"),
                b = add(first_, "is it hot", "creme"), c = add(first_, "hot coffee", "no sugar");
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

TEST_P(TextSearchTest, AChangedOrRemovedRecordIsFoundByItsNewWordsAlone) {
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

TEST_P(TextSearchTest, WhatWasLeftForLaterIsIndexedOnce) {
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
  size_t portions = 0, texts = 0;
  for (std::optional<int64_t> at = 0; at;) {
    const MissingTexts missing = missing_behind(*at, 3);
    portions += missing.last ? 1 : 0;
    texts += missing.texts.size();
    index(missing);
    at = missing.last;
  }
  EXPECT_EQ(portions, 3U);
  EXPECT_EQ(texts, 3U);
  EXPECT_EQ(found_sorted(words("word")), positions);
  EXPECT_EQ(search(words("word | nothing")).total, 7);
}

// Between the reading of what is missing and its indexing.
TEST_P(TextSearchTest, WhatOthersIndexedOrDeletedMeanwhileStaysAsTheyLeftIt) {
  Positions positions;
  for (int i = 0; i < 3; ++i) positions.push_back(add(first_, "old"));
  const auto change = [&](auto&& body) { ASSERT_TRUE(database().write(body).ok()); };
  change([&](Connection& c) { return unindex_texts(c, first_.dataset.position, positions); });
  const MissingTexts missing = missing_behind(0, 10);
  EXPECT_EQ(missing.texts.size(), 3U);
  const OrderedJson fields = {{"question", "new"}};
  const TextToIndex text{positions[0], &fields};
  change([&](Connection& c) { return index_texts(c, first_, std::span(&text, 1)); });
  run("DELETE FROM records WHERE position = $1", {positions[1]});
  index(missing);
  index(missing);
  EXPECT_EQ(found(words("new")), Positions{positions[0]});
  EXPECT_EQ(found(words("old")), Positions{positions[2]});
}

// Fields with a place of their own, words folded ahead or not, an image that a data set takes for
// text: the index holds the same.
TEST_P(TextSearchTest, WordsFoldedAheadAreThoseThatAWriteFolds) {
  const OrderedJson fields = {{"question", "data:text of a kind"}, {"answer", "Crème brûlée"}};
  const FoldedFields folded = fold_fields(fields);
  EXPECT_EQ(folded, (FoldedFields{{"answer", "creme brulee"}}));
  const int64_t a = add(first_, "x"), b = add(first_, "x");
  const TextToIndex texts[] = {{a, &fields, &folded}, {b, &fields}};
  const Status done =
      database().write([&](Connection& c) { return index_texts(c, first_, texts); });
  ASSERT_TRUE(done.ok()) << done.error().message();
  EXPECT_EQ(found_sorted(words("kind", 0)), (Positions{a, b}));
  EXPECT_EQ(found_sorted(words("brulee", 1)), (Positions{a, b}));
  EXPECT_EQ(found_sorted(words("x")), Positions{});
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
        const bool begins = node.kind == TextNode::Kind::kPrefix && last;
        all = all && (begins ? word.starts_with(node.words[i]) : word == node.words[i]);
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

TEST_P(TextSearchTest, FindsWhatPlainReadingFinds) {
  Random random(5);
  std::vector<std::pair<int64_t, PlainReading::Document>> documents;
  const Status stored = database().write([&](Connection& c) -> Status {
    for (int i = 0; i < 60; ++i) {
      const std::string question = any_words(random, 6), answer = any_words(random, 6);
      documents.push_back({TRY(add_in(c, first_, question, answer)),
                           {words_of(question), words_of(answer)}});
      if (i % 3 == 0) TRY(add_in(c, second_, question, answer));
    }
    return {};
  });
  ASSERT_TRUE(stored.ok());
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

TEST_P(TextSearchTest, NothingThatPeopleWriteIsAnError) {
  add(first_, "some words");
  std::vector<std::string> questions = {
      "'; DROP TABLE records; --", "\" OR 1=1 --", "f0 : x", "NEAR(a b)", "{f0} : a", "a AND",
      "'a' & !b", "a <-> b", "a:*", "\\", "%_", "every", "\xEF\xA3\xBF", "\xFF\xFE"};
  questions.push_back(std::string("a\0b", 3));
  questions.push_back(std::string(20'000, 'x'));
  questions.push_back(std::string(3000, '"') + "a");
  questions.push_back(std::string(5000, '(') + "a" + std::string(5000, ')'));
  for (const std::string& question : questions) {
    EXPECT_LE(search(words(question)).total, 1) << question.substr(0, 50);
  }
  std::string deep = "some";
  for (int i = 0; i < 60; ++i) deep = "(" + deep + (i % 2 == 0 ? ") | none" : ") + words");
  EXPECT_LE(search(words(deep)).total, 1);
}

TEST_P(TextSearchTest, TheBestHitsComeFirst) {
  add(first_, "tea and coffee and water and milk and wine and beer and juice and cocoa");
  const int64_t best = add(first_, "coffee coffee");
  add(first_, "nothing of the kind");
  const auto result = search(words("coffee"));
  ASSERT_EQ(result.hits.size(), 2U);
  EXPECT_EQ(result.hits[0].record, best);
  EXPECT_GT(result.hits[0].score, result.hits[1].score);
}

TEST_P(TextSearchTest, BeyondTheRankedHitsTheOthersFollowInOrder) {
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
  domain::SearchQuery query = words("word");
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

INSTANTIATE_BOTH_DATABASES(TextSearchTest);

}  // namespace
}  // namespace attune::store
