// What the body of a search asks for, in terms of one data set:
//   {"query":{"text":{"q","field"?}, "vector":{"name", "value" or "record_id", "order"?}},
//    "filters":{"and":[{"type":"terms","scope","values"} or {"type":"range","scope","ge"?,"le"?}]},
//    "sort":[{"scope","order"}]}
// null is as good as absent everywhere (SDKs send it).
#pragma once

#include "base/json.h"
#include "server/api/answer.h"
#include "server/api/schema_check.h"
#include "server/domain/dataset.h"
#include "server/domain/search.h"
#include "server/store/database.h"

namespace attune::api {

// Fills in text, vector, filters and sort. 422 of a body that is wrong, and of a field, question,
// property, vector or record that the data set does not have; with the code "missing_vector" where
// a record was named that has no such vector. `connection` is asked for that record's vector.
Answer<void> read_search(const OrderedJson& body, const domain::Schema& schema,
                         store::Connection& connection, domain::SearchQuery& query);

// The filters and order that SDK 1.29 puts into the query string, beside those of a body:
// response_status=, metadata=name:term,term or name:{"ge":1}, sort_by=metadata.name:desc (also as
// metadata.name:SortOrder.desc and RecordSortField.inserted_at:asc, as some Pythons print them).
Answer<void> read_older_filters(const http::Query& parameters, const domain::Schema& schema,
                                domain::SearchQuery& query);
bool has_older_filters(const http::Query& parameters);

// "2026-11-22T08:16:27", with or without a fraction, with Z, an offset or neither (UTC), or a date
// alone, as the text that records carry; nothing where it is no time.
std::optional<std::string> canonical_time(std::string_view text);

}  // namespace attune::api
