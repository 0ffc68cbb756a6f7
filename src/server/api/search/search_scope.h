// From the names of a search to what they stand for in a data set.
#pragma once

#include <optional>
#include <string>

#include "server/api/answer.h"
#include "server/api/schema_check.h"
#include "server/domain/dataset.h"
#include "server/domain/search.h"

namespace attune::api {

// Reads scopes of one body. The first name that the data set does not have is kept, and said once
// the body is known to be well-formed.
class ScopeReader {
 public:
  explicit ScopeReader(const domain::Schema& schema) : schema_(&schema) {}

  // The member "scope" of a filter or sort key.
  domain::SearchScope read(SchemaReader& holder);
  // Of a metadata property by its name.
  domain::SearchScope metadata(const std::string& name);
  const std::optional<Failure>& unknown() const { return unknown_; }

 private:
  int64_t question(const std::string& name);
  void refuse(std::string text);

  const domain::Schema* schema_;
  std::optional<Failure> unknown_;
};

// Whether values of this scope are compared as numbers, or as times.
bool is_numeric(const domain::SearchScope& scope, const domain::Schema& schema);
bool is_time(const domain::SearchScope& scope);

// A text with a NUL, which no value holds and PostgreSQL does not take, is a mistake.
void refuse_nul(const std::string& text, const char* name, SchemaReader& holder);

// Bounds of a range as the scope wants them, from numbers or texts; a mistake at `holder` where one
// is neither, none is there, or they are the wrong way round.
void read_bounds(SchemaReader& holder, const domain::Schema& schema, domain::RangeFilter& range);

}  // namespace attune::api
