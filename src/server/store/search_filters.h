// Filters and sort keys as SQL about a record. The same SQL runs on both data bases.
#pragma once

#include <string>

#include "server/domain/search.h"
#include "server/store/sql_text.h"

namespace attune::store {

// Whether a filter looks at the record's own row, which must then be there as r. The others look at
// the tables of values alone: a row of `records` holds all texts of the record, and reading the
// rows of thousands of hits is what a search would take longest for.
bool needs_row(const domain::SearchQuery& query);

// " AND ..." for each filter, about the record whose position is the SQL `position`.
std::string filter_condition(const domain::SearchQuery& query, const std::string& position,
                             SqlText& sql);

// What stands behind ORDER BY, about a record named r, ending with the order of insertion.
std::string sort_order(const domain::SearchQuery& query, SqlText& sql);

}  // namespace attune::store
