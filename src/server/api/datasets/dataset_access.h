// From the id in a path to the data set, or the part of its settings, that the caller may work
// with: 404 in the contract's words where it is not there, 403 where the caller may not. For use
// inside a read or write (transaction.h).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/api/access.h"
#include "server/api/audit.h"
#include "server/api/endpoint.h"
#include "server/domain/dataset.h"
#include "server/store/datasets.h"
#include "server/store/settings.h"

namespace attune::api {

// Reads: a member of its workspace. Reviews: who also sees others' answers. Manages: an admin.
enum class Right { kRead, kReview, kManage };

// 404: "Dataset with id `...` not found"
Failure not_found_with_id(std::string_view what, const std::string& id);

Answer<domain::Dataset> dataset_for(const Call& call, store::Connection& connection,
                                    const std::string& dataset_id, Right right);
Answer<domain::Schema> schema_for(const Call& call, store::Connection& connection,
                                  const std::string& dataset_id, Right right);

// What Right::kRead gives, with the rules beside, out of memory where it is kept there: for the
// calls that people at work make all the time. Not for what shows dataset.last_activity_at, and not
// in a write that changes settings itself (SettingsSnapshot in settings_cache.h).
Answer<std::shared_ptr<const DatasetSettings>> settings_for_reader(const Call& call,
                                                                   store::Connection& connection,
                                                                   const std::string& dataset_id);

// A field, question, metadata property or vector by its id, with the schema of its data set. `what`
// is its name in the contract's texts: "Field", "Question", "MetadataProperty", "VectorSettings".
template <typename T>
struct SettingsOf {
  T item;
  domain::Schema schema;
};
template <typename T>
Answer<SettingsOf<T>> settings_for(const Call& call, store::Connection& connection,
                                   std::string_view what, const std::string& id, Right right) {
  std::optional<T> item = TRY(store::find_settings<T>(connection, id));
  if (!item) return not_found_with_id(what, id);
  domain::Schema schema = TRY(schema_for(call, connection, item->dataset_id, right));
  return SettingsOf<T>{std::move(*item), std::move(schema)};
}

// A line of the audit log on a part of a data set's settings.
template <typename T>
Status audit_settings(store::Connection& connection, const Call& call, const std::string& action,
                      const T& item) {
  return audit(connection, call, action, item.id,
               {{"dataset_id", item.dataset_id}, {"name", item.name}});
}

// Tells webhooks that this happened to a data set, with what it is now (reread). For use inside
// the write that made it happen.
Answer<void> tell_of_dataset(const Call& call, store::Connection& connection,
                             std::string_view event, const std::string& dataset_id);

}  // namespace attune::api
