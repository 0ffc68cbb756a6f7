// For tests: both data bases, each with a data set of every kind of setting.
#pragma once

#include <utility>

#include "server/domain/schema_fixture.h"
#include "server/store/test_dataset.h"
#include "tests/support/both_databases.h"

namespace attune::store::testing {

class DatasetStored : public BothDatabases {
 protected:
  // What `body` gives, kept; a test that cannot write ends.
  template <typename Body>
  auto in_write(Body&& body) {
    return database().write(std::forward<Body>(body)).value();
  }

  void SetUp() override;

  domain::Schema schema_;
};

}  // namespace attune::store::testing
