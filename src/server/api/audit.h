// One line of the audit log from within a write: TRY(audit(connection, call, "user.create", id)).
#pragma once

#include <string>

#include "base/json.h"
#include "server/api/endpoint.h"
#include "server/domain/record.h"
#include "server/store/database.h"

namespace attune::api {

Status audit(store::Connection& connection, const Call& call, const std::string& action,
             const std::string& subject, OrderedJson detail = nullptr);

// The same where a person changed what another one answered; one's own answers have their history.
Status audit_of_others_answer(store::Connection& connection, const Call& call,
                              const std::string& action, const domain::Response& response);

}  // namespace attune::api
