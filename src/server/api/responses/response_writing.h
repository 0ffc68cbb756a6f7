// Answers on their way into the store, one or many: each is refused or written by itself.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/api/endpoint.h"
#include "server/domain/dataset.h"
#include "server/domain/record_change.h"

namespace attune::api {

struct Submission {
  std::string record_id;
  domain::ResponseChange change;
  std::optional<std::string> response_id = {};    // with kUpdateOnly: which answer is meant
  std::optional<Failure> failure = {};            // why it was refused
  std::optional<domain::Response> response = {};  // what was written
};

enum class WriteRule {
  kAny,         // the person's answer is created or replaced
  kCreateOnly,  // 409 where there is one
  kUpdateOnly,  // 404 where there is none any more, or another one in its place
};
// In one write, and all that decides about an answer is read in it: the record is there, the caller
// may answer it, the values fit (they are brought to their stored form), the rule allows it. What
// does not gets its failure; a failure of the whole is the store's. Of two for one record and
// person the last one stands.
Answer<void> submit(const Call& call, std::vector<Submission>& submissions, WriteRule rule);

}  // namespace attune::api
