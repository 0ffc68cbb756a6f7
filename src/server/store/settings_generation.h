// What seldom changes and is asked for all the time (people and keys, memberships, settings of data
// sets, webhooks) is kept in memory, with the number that settings_generation in the data base had
// in the same snapshot. Triggers count that number up in the transaction that changes any of it
// (schema_4.cc), so what is kept is true in every snapshot that has the number: for each server of
// a data base, from the moment of the commit on.
//
//   const int64_t now = TRY(settings_generation(connection));
//   if (auto kept = schemas.find(now, id)) return kept;
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "server/store/database.h"

namespace attune::store {

// In the snapshot of the connection, its own changes with it.
Result<int64_t> settings_generation(Connection& connection);
// As it was committed; costs one statement.
Result<int64_t> settings_generation(Database& database);

// Values of one generation, the newest that was kept; bounded. Thread-safe.
//
// A write that counted up itself sees a number that nobody else has seen, and may be taken back:
// what it reads is kept with that number by nobody. So keep() is for what a read found, or a write
// at a number that was seen committed.
template <typename Key, typename Value>
class KeptSettings {
 public:
  explicit KeptSettings(size_t most) : most_(most) {}

  // nullptr: not kept.
  std::shared_ptr<const Value> find(int64_t generation, const Key& key) const {
    const std::lock_guard lock(mutex_);
    if (generation != generation_) return nullptr;
    const auto found = values_.find(key);
    return found == values_.end() ? nullptr : found->second;
  }

  void keep(int64_t generation, const Key& key, std::shared_ptr<const Value> value) {
    const std::lock_guard lock(mutex_);
    if (generation < generation_) return;  // of an old snapshot
    if (generation > generation_ || values_.size() >= most_) values_.clear();
    generation_ = generation;
    values_.insert_or_assign(key, std::move(value));
  }

 private:
  const size_t most_;
  mutable std::mutex mutex_;
  int64_t generation_ = -1;
  std::unordered_map<Key, std::shared_ptr<const Value>> values_;
};

}  // namespace attune::store
