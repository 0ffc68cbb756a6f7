// Marks the thread as being inside a closure of a data base: a second read or write from there
// would wait for itself (the writer's thread, the last connection of a pool).
#pragma once

#include "base/check.h"

namespace attune::store {

class ClosureGuard {
 public:
  explicit ClosureGuard(const void* database) : outer_(current()) {
    CHECK(outer_ != database, "a read or write inside another one of the same data base");
    current() = database;
  }
  ~ClosureGuard() { current() = outer_; }
  ClosureGuard(const ClosureGuard&) = delete;
  ClosureGuard& operator=(const ClosureGuard&) = delete;

 private:
  static const void*& current() {
    thread_local const void* database = nullptr;
    return database;
  }
  const void* outer_;
};

}  // namespace attune::store
