// Forgetting (store/forget.h) in the data of a server that does not run now: its directory is
// locked as a server locks it, so that none can be started meanwhile. The audit log tells of it.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace attune::server {

struct ForgettingRequest {
  std::string data_dir;
  std::string database_url;  // "": SQLite within data_dir
  // Either a person, by user name or id (who was deleted has but the id), or records of a data set.
  std::string person;
  std::string workspace, dataset;
  std::vector<std::string> record_ids;
};

struct Forgotten {
  OrderedJson counts;                  // as the endpoint answers
  std::set<std::string> record_names;  // ids and external ids, also earlier ones: exports have them
  std::string person_name;             // the user name, or the id of who was deleted
};

// Errors: kNotFound for a directory without data, a person, data set or record that is not there;
// nothing is forgotten then.
Result<Forgotten> forget(const ForgettingRequest& request);

}  // namespace attune::server
