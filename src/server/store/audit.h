// Who did what to accounts, keys, workspaces and data: written in the transaction of the deed,
// never changed. Secrets and contents of records do not belong here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "server/store/database.h"

namespace attune::store {

struct AuditEntry {
  int64_t number = 0;                  // in the order of writing; given by the data base
  std::optional<std::string> user_id;  // none: nobody was logged in
  std::string action;                  // "user.create", "login.failed", "dataset.delete", ...
  std::string subject;                 // the id or name of what it was done to
  OrderedJson detail;                  // null or an object
  std::string remote_address, request_id, at;
};

// Gives it its time.
Status insert_audit_entry(Connection& connection, const AuditEntry& entry);

struct AuditFilter {
  std::optional<std::string> user_id, action, subject;
  int64_t before = 0;  // entries with lower numbers only; 0: from the newest
  int64_t limit = 100;
};
// The newest first.
Result<std::vector<AuditEntry>> list_audit_entries(Connection& connection,
                                                   const AuditFilter& filter);

}  // namespace attune::store
