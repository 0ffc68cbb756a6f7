#include "server/http/router.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "base/check.h"

namespace attune::http {
namespace {

constexpr size_t kMethods = 7;
constexpr int kNone = -1;

struct Node {
  std::map<std::string, std::unique_ptr<Node>, std::less<>> literal;
  std::unique_ptr<Node> any;
  std::array<int, kMethods> route;  // its place in routes_, or kNone

  Node() { route.fill(kNone); }
  bool serves(Method method) const { return route[static_cast<size_t>(method)] != kNone; }
};

std::vector<std::string_view> segments_of(std::string_view path) {
  std::vector<std::string_view> segments;
  for (size_t at = 1; at <= path.size();) {
    const size_t end = std::min(path.find('/', at), path.size());
    segments.push_back(path.substr(at, end - at));
    at = end + 1;
  }
  return segments;
}

bool is_name(std::string_view segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

// All nodes that match, the more literal ones first.
void find_nodes(const Node& node, const std::vector<std::string_view>& segments, size_t at,
                std::vector<const Node*>& found) {
  if (at == segments.size()) {
    found.push_back(&node);
    return;
  }
  const auto literal = node.literal.find(segments[at]);
  if (literal != node.literal.end()) find_nodes(*literal->second, segments, at + 1, found);
  if (node.any && !segments[at].empty()) find_nodes(*node.any, segments, at + 1, found);
}

Response plain_miss(const Request&, int status) {
  return json_response(status, {{"detail", status == 404 ? "Not Found" : "Method Not Allowed"}});
}

}  // namespace

struct Router::Tree {
  Node root;
  std::vector<Route> routes;
  std::function<Response(const Request&, int)> miss = plain_miss;

  std::string allowed(const std::vector<const Node*>& nodes) const {
    std::string list;
    for (size_t i = 0; i < kMethods; ++i) {
      const auto method = static_cast<Method>(i);
      const bool served = std::any_of(nodes.begin(), nodes.end(), [method](const Node* node) {
        return node->serves(method) || method == Method::kOptions ||
               (method == Method::kHead && node->serves(Method::kGet));
      });
      if (served) list += (list.empty() ? "" : ", ") + std::string(to_string(method));
    }
    return list;
  }
};

Router::Router() : tree_(std::make_unique<Tree>()) {}
Router::~Router() = default;
Router::Router(Router&&) noexcept = default;

void Router::add(Route route) {
  CHECK(route.pattern.starts_with("/"), "{}", route.pattern);
  Node* node = &tree_->root;
  for (std::string_view segment : segments_of(route.pattern)) {
    std::unique_ptr<Node>& next =
        is_name(segment) ? node->any : node->literal[std::string(segment)];
    if (!next) next = std::make_unique<Node>();
    node = next.get();
  }
  CHECK(!node->serves(route.method), "two routes for {} {}", to_string(route.method),
        route.pattern);
  node->route[static_cast<size_t>(route.method)] = static_cast<int>(tree_->routes.size());
  tree_->routes.push_back(std::move(route));
}

void Router::on_miss(std::function<Response(const Request&, int status)> miss) {
  tree_->miss = std::move(miss);
}

const std::vector<Route>& Router::routes() const { return tree_->routes; }

Response Router::dispatch(Request& request) const {
  const std::vector<std::string_view> segments = segments_of(request.path);
  std::vector<const Node*> nodes;
  find_nodes(tree_->root, segments, 0, nodes);
  std::erase_if(nodes, [](const Node* node) {
    return std::all_of(node->route.begin(), node->route.end(), [](int i) { return i == kNone; });
  });
  if (nodes.empty()) return tree_->miss(request, 404);
  Method method = request.method;
  const auto serves = [&method](const Node* node) { return node->serves(method); };
  auto node = std::find_if(nodes.begin(), nodes.end(), serves);
  if (node == nodes.end() && method == Method::kHead) {
    method = Method::kGet;
    node = std::find_if(nodes.begin(), nodes.end(), serves);
  }
  if (node == nodes.end()) {
    Response response = request.method == Method::kOptions ? empty_response(204)
                                                           : tree_->miss(request, 405);
    response.headers.set("Allow", tree_->allowed(nodes));
    return response;
  }
  const Route& route =
      tree_->routes[static_cast<size_t>((*node)->route[static_cast<size_t>(method)])];
  request.route = route.pattern;
  const std::vector<std::string_view> pattern = segments_of(route.pattern);
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (!is_name(pattern[i])) continue;
    request.path_values[std::string(pattern[i].substr(1, pattern[i].size() - 2))] = segments[i];
  }
  return route.handler(request);
}

}  // namespace attune::http
