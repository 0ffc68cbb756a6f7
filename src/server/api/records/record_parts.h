// What a request wants to have read with records, and who is writing.
#pragma once

#include "server/api/endpoint.h"
#include "server/api/schema_check.h"
#include "server/store/records.h"
#include "server/store/responses.h"

namespace attune::api {

// ?include=responses&include=suggestions&include=vectors (or vectors:name,name); 422 of another.
Answer<store::RecordParts> read_parts(const http::Query& query);

struct PageQuery {
  int64_t offset = 0;
  int64_t limit = 50;  // 1 to 1000
};
Answer<PageQuery> read_page(const http::Query& query);

// The caller as the author of answers; the client is what X-Attune-Client says, else User-Agent.
store::Authorship authorship_of(const Call& call);

}  // namespace attune::api
