// The directory of a feedback server: its data base where that is SQLite, and what else it keeps.
// Owner-only, and locked, because two servers on one SQLite directory would each keep what the
// other does not know of.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"

namespace attune::server {

// The address of the data base: the one that was asked for, else SQLite's file in the directory.
std::string database_url_in(const std::string& data_dir, const std::string& asked);
// The same of data that must be there: kNotFound where the directory has no such file.
Result<std::string> existing_database_url_in(const std::string& data_dir,
                                             const std::string& asked);

class DataDirectory {
 public:
  // Makes it with its parents where it is not there; the process's new files are its owner's alone
  // from then on (umask). The error of a directory in use names the process that holds it.
  static Result<std::unique_ptr<DataDirectory>> open(const std::string& path);
  ~DataDirectory();
  DataDirectory(const DataDirectory&) = delete;
  DataDirectory& operator=(const DataDirectory&) = delete;

  const std::string& path() const { return path_; }

 private:
  DataDirectory(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}
  std::string path_;
  int lock_;  // the kernel lets go of it when the process ends, however that ends
};

}  // namespace attune::server
