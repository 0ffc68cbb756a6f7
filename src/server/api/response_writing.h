// Answers on their way into the store, one or many: each is refused or written by itself.
#pragma once

#include <map>
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
  std::optional<Failure> failure = {};            // why it was refused
  std::optional<domain::Response> response = {};  // what was written
  std::string dataset_id = {};                    // filled in by the check
};

// In one read: the record is there, the caller may answer it, the values fit (and are brought to
// their stored form). What does not gets its failure. A failure of the whole is the store's.
// Gives the data sets concerned, by id.
using Schemas = std::map<std::string, domain::Schema>;
Answer<Schemas> check_submissions(const Call& call, std::vector<Submission>& submissions);

enum class WriteRule {
  kAny,         // the person's answer is created or replaced
  kCreateOnly,  // 409 where there is one
  kUpdateOnly,  // 404 where there is none any more
};
// In one write: those without a failure. Of two for one record and person the last one stands.
Answer<void> write_submissions(const Call& call, Schemas& schemas,
                               std::vector<Submission>& submissions, WriteRule rule);

}  // namespace attune::api
