// A tree of words (text_query.h) in the language of each data base. Words hold letters, digits and
// marks alone (text_words.h), and are quoted besides: nothing of a question is ever read as syntax.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "server/store/database.h"
#include "server/store/sql_text.h"
#include "server/store/text_query.h"

namespace attune::store {

// Where the words of a field stand in the index; fields beyond share the last place.
inline constexpr size_t kTextPlaces = 16;
inline size_t text_place(size_t field) { return field < kTextPlaces ? field : kTextPlaces - 1; }

// SQLite's text index keeps the records of a data set side by side, so that a question looks at one
// data set alone: the row's number is the data set's position and the record's in one.
inline constexpr int64_t kRecordBits = 40;
inline int64_t text_row(int64_t dataset, int64_t record) { return dataset << kRecordBits | record; }
// The first and the last row that the records of a data set can have.
std::pair<int64_t, int64_t> text_rows(int64_t dataset);
// SQL of the record in a row of record_text named t.
inline constexpr const char* kRecordOfTextRow = "(t.rowid & 1099511627775)";

// Puts the words that are meant in the place of every kFuzzy: at most kFuzzyWordsMax for each, of
// those that the index holds and that begin with the same letter. Looks through the words of the
// index (SQLite: those with that first letter; PostgreSQL: of all records of the data set), so such
// a question is slower than others.
inline constexpr size_t kFuzzyWordsMax = 50;
Result<TextNode> with_fuzzy_words(Connection& connection, int64_t dataset, TextNode tree);

// The question for FTS5's MATCH.
std::string fts5_question(const TextNode& tree, std::optional<size_t> field);
// A condition on PostgreSQL's record_text named t.
std::string postgres_condition(const TextNode& tree, std::optional<size_t> field, SqlText& sql);
// A tsquery of all words that speak for a record, for ranking.
std::string postgres_ranking_query(const TextNode& tree);

// How many single characters must be put in, left out, changed or swapped with their neighbour to
// make one word the other (optimal string alignment), in code points; `limit` + 1 where it is more.
int edit_distance(std::string_view a, std::string_view b, int limit);

}  // namespace attune::store
