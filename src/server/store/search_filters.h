// Filters and sort keys as SQL about a record named r. The same SQL runs on both data bases.
#pragma once

#include <string>

#include "server/domain/search.h"
#include "server/store/sql_text.h"

namespace attune::store {

// What stands behind WHERE: the data set and all filters, without words and vectors.
std::string filter_condition(const domain::SearchQuery& query, SqlText& sql);

// What stands behind ORDER BY, ending with the order of insertion.
std::string sort_order(const domain::SearchQuery& query, SqlText& sql);

}  // namespace attune::store
