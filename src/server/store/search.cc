#include "server/store/search.h"

#include <algorithm>

#include "server/store/search_filters.h"
#include "server/store/sql_text.h"
#include "server/store/text_match.h"
#include "server/store/text_query.h"
#include "server/store/vector_search.h"

namespace attune::store {
namespace {

using domain::SearchHit;
using domain::SearchQuery;
using domain::SearchResult;

// One search: the question, and its words once they are understood.
class Search {
 public:
  Search(Connection& connection, const SearchQuery& query)
      : connection_(connection),
        query_(query),
        on_sqlite_(connection.dialect() == Dialect::kSqlite) {}

  Result<SearchResult> run() {
    if (query_.text) {
      words_ = parse_text_query(query_.text->text);
      if (!words_) return SearchResult{};
      words_ = TRY(with_fuzzy_words(connection_, query_.dataset, std::move(*words_)));
    }
    if (query_.vector) return by_vector();
    if (words_ && query_.sort.empty()) return by_words();
    return by_keys();
  }

 private:
  // ---- parts of statements ----

  // FROM and WHERE of the hits of the words, a row named t of the text index for each.
  std::string text_hits(SqlText& sql) const {
    std::string where;
    if (on_sqlite_) {
      const auto [first, last] = text_rows(query_.dataset);
      where = fmt::format("t.record_text MATCH {} AND t.rowid BETWEEN {} AND {}",
                          sql.add(fts5_question(*words_, query_.text->field)), sql.add(first),
                          sql.add(last));
    } else {
      where = fmt::format("t.dataset = {} AND {}", sql.add(query_.dataset),
                          postgres_condition(*words_, query_.text->field, sql));
    }
    if (!needs_row(query_)) {
      return "FROM record_text t WHERE " + where + filter_condition(query_, text_record(), sql);
    }
    // CROSS JOIN: SQLite keeps this order, so that the text index is asked once.
    return fmt::format("FROM record_text t CROSS JOIN records r WHERE {} AND r.position = {}{}",
                       where, text_record(), filter_condition(query_, "r.position", sql));
  }
  std::string text_record() const { return on_sqlite_ ? kRecordOfTextRow : "t.record"; }
  // The row of a text has its record's number: in this order FTS5 gives rows without sorting them.
  std::string text_row_order() const { return on_sqlite_ ? "t.rowid" : "t.record"; }

  // The condition on r of everything but a vector.
  std::string condition(SqlText& sql) const {
    if (words_) return fmt::format("r.position IN (SELECT {} {})", text_record(), text_hits(sql));
    return fmt::format("r.dataset = {}{}", sql.add(query_.dataset),
                       filter_condition(query_, "r.position", sql));
  }

  Result<int64_t> count(const std::string& from, SqlText& sql) const {
    sql += "SELECT count(*) " + from;
    return TRY(sql.run(connection_)).at(0).integer(0);
  }

  static std::string page(int64_t limit, int64_t offset, SqlText& sql) {
    return fmt::format(" LIMIT {} OFFSET {}", sql.add(limit), sql.add(offset));
  }

  // ---- the three kinds of search ----

  Result<SearchResult> by_keys() const {
    SearchResult result;
    SqlText counting;
    const std::string from = "FROM records r WHERE " + condition(counting);
    result.total = TRY(count(from, counting));
    SqlText sql;
    const std::string where = condition(sql);
    sql += "SELECT r.position FROM records r WHERE " + where;
    sql += " ORDER BY " + sort_order(query_, sql);
    sql += page(query_.limit, query_.offset, sql);
    const std::optional<double> score = query_.sort.empty() ? std::optional(1.0) : std::nullopt;
    for (const Row& row : TRY(sql.run(connection_))) {
      result.hits.push_back({row.integer(0), score});
    }
    return result;
  }

  // The hits that are ranked are looked at once: their number is the total, where it is not more.
  Result<SearchResult> by_words() const {
    SearchResult result;
    std::vector<SearchHit> ranked = TRY(first_hits(kRankedMax + 1));
    result.total = static_cast<int64_t>(ranked.size());
    if (result.total > kRankedMax) {
      ranked.pop_back();
      SqlText counting;
      const std::string from = text_hits(counting);
      result.total = TRY(count(from, counting));
    }
    const int64_t end = std::min(query_.offset + query_.limit, result.total);
    add_best(ranked, end, result);
    const int64_t unranked_begin = std::max(query_.offset, kRankedMax);
    if (unranked_begin < end) TRY(add_unranked(end - unranked_begin, unranked_begin, result));
    return result;
  }

  // The first `limit` in the order of insertion, with their scores.
  Result<std::vector<SearchHit>> first_hits(int64_t limit) const {
    SqlText sql;
    // bm25 is better the smaller it is.
    const std::string score =
        on_sqlite_ ? "-bm25(record_text)"
                   : fmt::format("ts_rank_cd(t.words, {}::tsquery)",
                                 sql.add(postgres_ranking_query(*words_)));
    const std::string from = text_hits(sql);
    sql += fmt::format("SELECT {}, {} {} ORDER BY {} LIMIT {}", text_record(), score, from,
                       text_row_order(), sql.add(limit));
    std::vector<SearchHit> hits;
    TRY(connection_.each(sql.text(), sql.values(), [&](const Row& row) -> Status {
      hits.push_back({row.integer(0), row.real(1)});
      return {};
    }));
    return hits;
  }

  // Of `ranked`, those from the query's offset to `end`, best first.
  void add_best(std::vector<SearchHit>& ranked, int64_t end, SearchResult& result) const {
    const auto size = static_cast<int64_t>(ranked.size());
    const auto first = ranked.begin() + std::min(query_.offset, size);
    const auto last = ranked.begin() + std::min(std::max(query_.offset, end), size);
    std::partial_sort(ranked.begin(), last, ranked.end(), [](const auto& a, const auto& b) {
      return *a.score != *b.score ? *a.score > *b.score : a.record < b.record;
    });
    result.hits.assign(first, last);
  }

  Status add_unranked(int64_t limit, int64_t offset, SearchResult& result) const {
    SqlText sql;
    const std::string hits = text_hits(sql);
    sql += fmt::format("SELECT {} {} ORDER BY {}", text_record(), hits, text_row_order());
    sql += page(limit, offset, sql);
    for (const Row& row : TRY(sql.run(connection_))) result.hits.push_back({row.integer(0), 0.0});
    return {};
  }

  Result<SearchResult> by_vector() const {
    SqlText sql;
    const std::string vector = sql.add(query_.vector->vector);
    sql += "SELECT v.record, v.components FROM record_vectors v WHERE v.vector = " + vector;
    // Without both, the vector's settings name the data set already.
    if (words_ || !query_.filters.empty()) {
      sql += " AND v.record IN (SELECT r.position FROM records r WHERE " + condition(sql) + ")";
    }
    NearRecords near = TRY(nearest_records(connection_, *query_.vector, sql.text(), sql.values(),
                                           static_cast<size_t>(kVectorHitsMax)));
    SearchResult result;
    result.total = std::min(near.candidates, kVectorHitsMax);
    if (!query_.sort.empty() && !near.best.empty()) return sorted(near, std::move(result));
    const int64_t begin = std::min(query_.offset, result.total);
    const int64_t end = std::min(begin + query_.limit, result.total);
    result.hits.assign(near.best.begin() + begin, near.best.begin() + end);
    return result;
  }

  Result<SearchResult> sorted(const NearRecords& near, SearchResult result) const {
    std::vector<int64_t> records;
    for (const SearchHit& hit : near.best) records.push_back(hit.record);
    SqlText sql;
    const std::string list = sql.add_list(records);
    sql += fmt::format("SELECT r.position FROM records r WHERE r.position IN {} ORDER BY {}", list,
                       sort_order(query_, sql));
    sql += page(query_.limit, query_.offset, sql);
    for (const Row& row : TRY(sql.run(connection_))) {
      result.hits.push_back({row.integer(0), std::nullopt});
    }
    return result;
  }

  Connection& connection_;
  const SearchQuery& query_;
  const bool on_sqlite_;
  std::optional<TextNode> words_;
};

}  // namespace

Result<SearchResult> search_records(Connection& connection, const SearchQuery& query) {
  return Search(connection, query).run();
}

}  // namespace attune::store
