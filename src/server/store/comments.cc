#include "server/store/comments.h"

#include "server/domain/identity.h"

namespace attune::store {
namespace {

constexpr const char* kColumns =
    "c.id, c.record, c.user_id, c.text, c.inserted_at, c.updated_at";

Comment comment_in(const Row& row) {
  return {row.text(0), row.integer(1), row.text(2), row.text(3), row.text(4), row.text(5)};
}

}  // namespace

Result<std::vector<Comment>> list_comments(Connection& connection, int64_t record) {
  std::vector<Comment> all;
  for (const Row& row :
       TRY(connection.run(std::string("SELECT ") + kColumns +
                              " FROM comments c WHERE c.record = $1 ORDER BY c.position",
                          {record}))) {
    all.push_back(comment_in(row));
  }
  return all;
}

Result<std::optional<PlacedComment>> find_comment(Connection& connection, const std::string& id) {
  const Rows rows = TRY(connection.run(
      std::string("SELECT ") + kColumns +
          ", d.id FROM comments c JOIN records r ON r.position = c.record "
          "JOIN datasets d ON d.position = r.dataset WHERE c.id = $1",
      {id}));
  if (rows.empty()) return std::optional<PlacedComment>();
  return std::optional(PlacedComment{comment_in(rows[0]), rows[0].text(6)});
}

Result<Comment> add_comment(Connection& connection, int64_t record, const std::string& user_id,
                            const std::string& text) {
  const std::string at = domain::now();
  Comment comment{domain::new_id(), record, user_id, text, at, at};
  TRY(connection.run("INSERT INTO comments (id, record, user_id, text, inserted_at, updated_at) "
                     "VALUES ($1, $2, $3, $4, $5, $6)",
                     {comment.id, record, user_id, text, at, at}));
  return comment;
}

Result<Comment> change_comment(Connection& connection, Comment comment, const std::string& text) {
  comment.text = text;
  comment.updated_at = domain::now();
  TRY(connection.run("UPDATE comments SET text = $2, updated_at = $3 WHERE id = $1",
                     {comment.id, text, comment.updated_at}));
  return comment;
}

Status delete_comment(Connection& connection, const std::string& id) {
  TRY(connection.run("DELETE FROM comments WHERE id = $1", {id}));
  return {};
}

}  // namespace attune::store
