#include "server/api/access.h"

#include "server/api/transaction.h"
#include "server/store/users.h"

namespace attune::api {
namespace {

Answer<void> member_with(Access least, store::Connection& connection, const domain::User& user,
                         const std::string& workspace_id) {
  if (user.role == domain::Role::kOwner) return {};
  if (!admits(least, user.role)) return forbidden();
  if (!TRY(store::is_member(connection, workspace_id, user.id))) return forbidden();
  return {};
}

Answer<void> member_with(Access least, const Call& call, const std::string& workspace_id) {
  CHECK(call.user, "a public endpoint asked for a workspace");
  return answer_read(call.database(), [&](store::Connection& connection) {
    return member_with(least, connection, *call.user, workspace_id);
  });
}

}  // namespace

Answer<void> may_read_workspace(const Call& call, const std::string& workspace_id) {
  return member_with(Access::kAnyone, call, workspace_id);
}
Answer<void> may_review_workspace(const Call& call, const std::string& workspace_id) {
  return member_with(Access::kReviewers, call, workspace_id);
}
Answer<void> may_administer_workspace(const Call& call, const std::string& workspace_id) {
  return member_with(Access::kAdmins, call, workspace_id);
}

Answer<void> may_read_workspace(SettingsSnapshot& settings, const domain::User& user,
                                const std::string& workspace_id) {
  if (user.role == domain::Role::kOwner) return {};
  if (!TRY(settings.is_member(workspace_id, user.id))) return forbidden();
  return {};
}

Answer<void> may_read_workspace(store::Connection& connection, const domain::User& user,
                                const std::string& workspace_id) {
  return member_with(Access::kAnyone, connection, user, workspace_id);
}
Answer<void> may_review_workspace(store::Connection& connection, const domain::User& user,
                                  const std::string& workspace_id) {
  return member_with(Access::kReviewers, connection, user, workspace_id);
}
Answer<void> may_administer_workspace(store::Connection& connection, const domain::User& user,
                                      const std::string& workspace_id) {
  return member_with(Access::kAdmins, connection, user, workspace_id);
}

}  // namespace attune::api
