// Settings of data sets, memberships and whether anybody listens to events, as they stand in a
// transaction: out of memory while the settings' generation stands (store/settings_generation.h),
// else read, and kept for the requests that follow.
//
//   SettingsSnapshot settings = TRY(call.services.settings.at(connection));
//   const auto dataset = TRY(settings.dataset(id));  // nullptr: there is none
//
// Asking at a new transaction is one statement; all that follows costs nothing where it is kept.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "server/domain/assignment.h"
#include "server/domain/dataset.h"
#include "server/store/settings_generation.h"

namespace attune::api {

struct DatasetSettings {
  // But for dataset.last_activity_at, which changes without the settings: it is that of a time
  // before.
  domain::Schema schema;
  domain::AssignmentRules rules;
  int64_t guideline_version = 0;  // 0: there is none
};

class SettingsSnapshot;

// One for a server; thread-safe.
class SettingsCache {
 public:
  Result<SettingsSnapshot> at(store::Connection& connection);
  // This generation was read outside of any write: what is read at it may be kept.
  void committed(int64_t generation);

 private:
  friend class SettingsSnapshot;
  static constexpr size_t kDatasets = 1'000, kMemberships = 100'000;
  std::atomic<int64_t> committed_ = -1;
  store::KeptSettings<std::string, DatasetSettings> datasets_{kDatasets};
  store::KeptSettings<std::string, bool> members_{kMemberships};  // "workspace user"
  store::KeptSettings<int, bool> webhooks_{1};
};

// Within one read or write, which does not change settings itself meanwhile.
class SettingsSnapshot {
 public:
  Result<std::shared_ptr<const DatasetSettings>> dataset(const std::string& id);
  Result<bool> is_member(const std::string& workspace_id, const std::string& user_id);
  // Whether there is any webhook, for whatever event.
  Result<bool> has_webhooks();

 private:
  friend class SettingsCache;
  SettingsSnapshot(SettingsCache& cache, store::Connection& connection, int64_t generation)
      : cache_(cache), connection_(connection), generation_(generation) {}

  // What `kept` has under the key, else what `read` gives.
  template <typename Key, typename Value, typename Read>
  Result<std::shared_ptr<const Value>> find(store::KeptSettings<Key, Value>& kept, const Key& key,
                                            Read&& read);

  SettingsCache& cache_;
  store::Connection& connection_;
  int64_t generation_;
};

}  // namespace attune::api
