// Finds the handler of a request: "/api/v1/datasets/{dataset_id}/records/bulk". Literal segments
// win over {names}; a path that exists with other methods only is 405 with an Allow header.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/http/message.h"

namespace attune::http {

using Handler = std::function<Response(const Request&)>;

struct Route {
  Method method;
  std::string pattern;  // begins with '/'; {name} stands for one segment that is not empty
  Handler handler;
};

class Router {
 public:
  Router();
  ~Router();
  Router(Router&&) noexcept;

  // Two routes of one method that match the same paths are a mistake of ours (CHECK).
  void add(Route route);
  // What to answer where nothing matches: 404 and 405, given the request. HEAD is served by GET's
  // handler without its body; OPTIONS answers with Allow.
  void on_miss(std::function<Response(const Request&, int status)> miss);

  // Fills in request.route and path_values and calls the handler. Thread-safe once all routes are
  // added.
  Response dispatch(Request& request) const;

  // Every route in the order of adding: for openapi.json and the tests that walk all of them.
  const std::vector<Route>& routes() const;

 private:
  struct Tree;
  std::unique_ptr<Tree> tree_;
};

}  // namespace attune::http
