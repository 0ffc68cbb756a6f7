// Comments on records: what annotators and leads say to each other about one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "server/store/database.h"

namespace attune::store {

struct Comment {
  std::string id;
  int64_t record = 0;
  std::string user_id, text;
  std::string inserted_at, updated_at;
};

// Of a record, oldest first.
Result<std::vector<Comment>> list_comments(Connection& connection, int64_t record);
// With the id of the data set that its record is of.
struct PlacedComment {
  Comment comment;
  std::string dataset_id;
};
Result<std::optional<PlacedComment>> find_comment(Connection& connection, const std::string& id);

Result<Comment> add_comment(Connection& connection, int64_t record, const std::string& user_id,
                            const std::string& text);
Result<Comment> change_comment(Connection& connection, Comment comment, const std::string& text);
Status delete_comment(Connection& connection, const std::string& id);

}  // namespace attune::store
