#include "base/json_file.h"

#include "base/file.h"

namespace attune {

Status write_json_file(const std::string& path, const Json& value) {
  return write_file(path, value.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

Status write_json_file(const std::string& path, const OrderedJson& value) {
  return write_file(path, value.dump(2, ' ', false, OrderedJson::error_handler_t::replace) + "\n");
}

}  // namespace attune
