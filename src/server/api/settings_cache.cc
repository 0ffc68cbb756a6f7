#include "server/api/settings_cache.h"

#include <utility>

#include "server/store/assignment.h"
#include "server/store/datasets.h"
#include "server/store/guidelines.h"
#include "server/store/users.h"
#include "server/store/webhooks.h"

namespace attune::api {

Result<SettingsSnapshot> SettingsCache::at(store::Connection& connection) {
  const int64_t generation = TRY(store::settings_generation(connection));
  return SettingsSnapshot(*this, connection, generation);
}

void SettingsCache::committed(int64_t generation) {
  int64_t before = committed_.load();
  while (before < generation && !committed_.compare_exchange_weak(before, generation)) {
  }
}

template <typename Key, typename Value, typename Read>
Result<std::shared_ptr<const Value>> SettingsSnapshot::find(
    store::KeptSettings<Key, Value>& kept, const Key& key, Read&& read) {
  using Found = std::shared_ptr<const Value>;
  if (Found known = kept.find(generation_, key)) return known;
  const Found found = TRY(read());
  // A number that is higher may be of changes that this transaction made itself and that may yet be
  // taken back.
  if (found && generation_ <= cache_.committed_) kept.keep(generation_, key, found);
  return Found(found);
}

Result<std::shared_ptr<const DatasetSettings>> SettingsSnapshot::dataset(const std::string& id) {
  using Found = std::shared_ptr<const DatasetSettings>;
  return find(cache_.datasets_, id, [&]() -> Result<Found> {
    auto schema = TRY(store::load_schema(connection_, id));
    if (!schema) return Found();
    auto made = std::make_shared<DatasetSettings>();
    made->schema = std::move(*schema);
    made->rules = TRY(store::load_rules(connection_, made->schema.dataset));
    made->guideline_version =
        TRY(store::current_guideline_version(connection_, made->schema.dataset));
    return Found(std::move(made));
  });
}

Result<bool> SettingsSnapshot::is_member(const std::string& workspace_id,
                                         const std::string& user_id) {
  const auto read = [&]() -> Result<std::shared_ptr<const bool>> {
    const bool found = TRY(store::is_member(connection_, workspace_id, user_id));
    return std::make_shared<const bool>(found);
  };
  return *TRY(find(cache_.members_, workspace_id + ' ' + user_id, read));
}

Result<bool> SettingsSnapshot::has_webhooks() {
  const auto read = [&]() -> Result<std::shared_ptr<const bool>> {
    const auto all = TRY(store::list_webhooks(connection_));
    return std::make_shared<const bool>(!all.empty());
  };
  return *TRY(find(cache_.webhooks_, 0, read));
}

}  // namespace attune::api
