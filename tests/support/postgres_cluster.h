// A PostgreSQL server of a test's own: a new cluster in a temporary directory, listening on a
// socket in it and on a free port of the loopback address. Its end, and that of the process, is
// the server's.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>

#include "base/file.h"
#include "base/result.h"

namespace attune::testing {

class PostgresCluster {
 public:
  // Where PostgreSQL's programs are: on PATH or at Debian's place; nothing where they are not.
  static std::optional<std::string> programs();

  // Returns when it answers. Root cannot run PostgreSQL: then its files and processes belong to the
  // user `postgres`.
  static Result<std::unique_ptr<PostgresCluster>> start();
  ~PostgresCluster();
  PostgresCluster(const PostgresCluster&) = delete;
  PostgresCluster& operator=(const PostgresCluster&) = delete;

  // The address of a data base of it ("postgres" is there from the start).
  std::string url(const std::string& name) const;
  // As a failing machine would: the server is gone at once; restart() brings it back.
  void kill();
  Status restart();

 private:
  PostgresCluster() = default;
  Status launch();
  std::string data() const { return directory_->file("data"); }

  std::unique_ptr<TemporaryDirectory> directory_;
  std::string programs_;
  int port_ = 0;
  pid_t server_ = -1;
  int output_ = -1;  // what it says
};

}  // namespace attune::testing
