// Finding records: filters, words and vectors in one consistent look (store/search_filters.h,
// text_query.h and vector_search.h say how).
//
// Words are ranked by BM25 (SQLite) or ts_rank_cd (PostgreSQL): the order among hits differs
// between the two, what is found does not. Beyond kRankedMax hits the first of them in the order of
// insertion are ranked, the others follow unranked with score 0; the total is exact always. A
// vector search is exact (every candidate is compared), its score (1 + cos)/2, or (1 - cos)/2 for
// the least similar first; records without the vector are not found, at most kVectorHitsMax are.
#pragma once

#include "server/domain/search.h"
#include "server/store/database.h"

namespace attune::store {

inline constexpr int64_t kRankedMax = 10'000;
inline constexpr int64_t kVectorHitsMax = 1000;

Result<domain::SearchResult> search_records(Connection& connection,
                                            const domain::SearchQuery& query);

}  // namespace attune::store
