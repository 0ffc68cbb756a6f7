// A published data set in the data base, for tests.
#pragma once

#include <string>

#include "server/domain/dataset.h"
#include "server/domain/identity.h"
#include "server/store/database.h"
#include "server/store/datasets.h"
#include "server/store/settings.h"

namespace attune::store::testing {

// Stores the schema under a workspace of its own, with new ids, and gives it as it is kept.
inline Result<domain::Schema> store_schema(Connection& connection, domain::Schema schema) {
  const std::string at = domain::now();
  const std::string workspace_id = domain::new_id();
  TRY(connection.run("INSERT INTO workspaces (id, name, inserted_at, updated_at) "
                     "VALUES ($1, $1, $2, $2)",
                     {workspace_id, at}));
  domain::Dataset& dataset = schema.dataset;
  dataset.id = domain::new_id();
  dataset.name = "of " + dataset.id;
  dataset.workspace_id = workspace_id;
  dataset.last_activity_at = dataset.inserted_at = dataset.updated_at = at;
  TRY(insert_dataset(connection, dataset));
  const auto store_all = [&](auto& list) -> Status {
    for (auto& one : list) {
      one.id = domain::new_id();
      one.dataset_id = dataset.id;
      if (one.title.empty()) one.title = one.name;
      one.inserted_at = one.updated_at = at;
      TRY(insert_settings(connection, one));
    }
    return {};
  };
  TRY(store_all(schema.fields));
  TRY(store_all(schema.questions));
  TRY(store_all(schema.metadata_properties));
  TRY(store_all(schema.vectors));
  return schema;
}

}  // namespace attune::store::testing
