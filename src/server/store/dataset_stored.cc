#include "server/store/dataset_stored.h"

namespace attune::store::testing {

void DatasetStored::SetUp() {
  BothDatabases::SetUp();
  if (IsSkipped()) return;
  schema_ = in_write([](Connection& c) { return store_schema(c, domain::schema_of_everything()); });
}

}  // namespace attune::store::testing
