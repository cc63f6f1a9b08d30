// SPDX-License-Identifier: MIT
//
// A tree for each method, an edge for each segment. A variable's name belongs to the route, not to the edge, so
// "/users/:id" and "/users/:name/posts" share a node and nothing depends on the order in which they were added.
// Going back from a dead end visits each node at most once, for its depth is the segment that it stands for.
#include <sluice/http/router.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <new>
#include <optional>
#include <span>
#include <utility>

#include <sluice/http/percent_encoding.hpp>

namespace sluice::http {
namespace {

// Deeper than any API; what is deeper matches nothing.
constexpr std::size_t kSegmentsMax = 64;

std::unexpected<Error> bad_pattern(std::string detail) {
  return fail(Error(Code::kInvalidArgument, std::move(detail)).because("bad-pattern"));
}

bool is_variable(std::string_view segment) noexcept { return segment.starts_with(':'); }

bool is_variable_name(std::string_view name) noexcept {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

Result<std::vector<std::string_view>> split_pattern(std::string_view pattern) {
  if (!pattern.starts_with('/')) return bad_pattern("a pattern begins with a slash");
  std::vector<std::string_view> segments;
  for (std::string_view rest = pattern.substr(1); !rest.empty();) {
    std::size_t size = std::min(rest.find('/'), rest.size());
    std::string_view segment = rest.substr(0, size);
    rest.remove_prefix(std::min(size + 1, rest.size()));
    if (segment.empty() || segment == "." || segment == "..") return bad_pattern("a segment is empty or made of dots");
    segments.push_back(segment);
  }
  if (segments.size() > kSegmentsMax) return bad_pattern("too many segments");
  return segments;
}

Result<std::vector<std::string>> variable_names(const std::vector<std::string_view>& segments) {
  std::vector<std::string> names;
  for (std::string_view segment : segments) {
    if (!is_variable(segment)) continue;
    std::string name(segment.substr(1));
    if (!is_variable_name(name)) return bad_pattern("a variable's name has letters, digits, _ and -");
    if (std::find(names.begin(), names.end(), name) != names.end()) return bad_pattern("a variable's name occurs twice");
    names.push_back(std::move(name));
  }
  return names;
}

// Views, one a segment at most. Unlike an array of them it costs nothing before it is used.
class Segments {
 public:
  [[nodiscard]] std::span<const std::string_view> all() const noexcept { return {views(), size_}; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  // Requires: there are fewer than kSegmentsMax.
  void push(std::string_view segment) noexcept { ::new (room_.data() + sizeof segment * size_++) std::string_view(segment); }
  // For nothing if there is none.
  void pop() noexcept { size_ -= size_ > 0 ? 1 : 0; }

 private:
  [[nodiscard]] const std::string_view* views() const noexcept {
    return std::launder(reinterpret_cast<const std::string_view*>(room_.data()));
  }

  std::size_t size_ = 0;
  alignas(std::string_view) std::array<std::byte, kSegmentsMax * sizeof(std::string_view)> room_;
};

}  // namespace

struct Router::Endpoint {
  Request::Route route;
  Handler handler;
};

struct Router::Node {
  struct Edge {
    std::string segment;
    std::unique_ptr<Node> to;
  };

  std::vector<Edge> edges;         // sorted by segment
  std::unique_ptr<Node> variable;  // null: no variable here
  std::optional<Endpoint> endpoint;

  std::vector<Edge>::const_iterator at_or_after(std::string_view segment) const {
    return std::lower_bound(edges.begin(), edges.end(), segment,
                            [](const Edge& edge, std::string_view wanted) { return edge.segment < wanted; });
  }
  const Node* find(std::string_view segment) const {
    auto edge = at_or_after(segment);
    return edge != edges.end() && edge->segment == segment ? edge->to.get() : nullptr;
  }
  Node& child(std::string_view segment) {
    if (is_variable(segment)) {
      if (!variable) variable = std::make_unique<Node>();
      return *variable;
    }
    auto edge = at_or_after(segment);
    if (edge == edges.end() || edge->segment != segment) {
      edge = edges.insert(edge, Edge{std::string(segment), std::make_unique<Node>()});
    }
    return *edge->to;
  }
};

// A path, cleaned and decoded. Views into the request and into `decoded`.
struct Router::PathView {
  Segments segments;
  bool is_malformed = false;
  bool is_too_deep = false;
  std::string decoded;

  explicit PathView(std::string_view path) {
    if (path.contains('%')) decoded.reserve(path.size());  // never moves: what is decoded is never longer
    while (!path.empty() && !is_malformed && !is_too_deep) {
      std::size_t slash = std::min(path.find('/'), path.size());
      add(path.substr(0, slash));
      path.remove_prefix(std::min(slash + 1, path.size()));
    }
  }
  PathView(const PathView&) = delete;
  PathView& operator=(const PathView&) = delete;

 private:
  void add(std::string_view segment) {
    if (segment.contains('%')) {
      auto plain = percent_decode(segment);
      if (!plain) {
        is_malformed = true;
        return;
      }
      decoded.append(*plain);
      segment = std::string_view(decoded).substr(decoded.size() - plain->size());
    }
    if (segment.empty() || segment == ".") return;
    if (segment == "..") {
      segments.pop();
    } else if (segments.size() == kSegmentsMax) {
      is_too_deep = true;
    } else {
      segments.push(segment);
    }
  }
};

struct Router::Found {
  const Endpoint* endpoint = nullptr;
  Segments values;  // of the variables on the way, views into the path

  bool search(const Node& node, const PathView& path, std::size_t depth) {
    if (depth == path.segments.size()) {
      if (!node.endpoint) return false;
      endpoint = &*node.endpoint;
      return true;
    }
    std::string_view segment = path.segments.all()[depth];
    if (const Node* next = node.find(segment); next != nullptr && search(*next, path, depth + 1)) return true;
    if (!node.variable) return false;
    values.push(segment);
    if (search(*node.variable, path, depth + 1)) return true;
    values.pop();
    return false;
  }
};

Router::Router(Middleware around_refusals)
    : refusal_([this](Context&, const Request& request) { return refuse(request); }) {
  if (around_refusals) refusal_ = around_refusals(std::move(refusal_));
}

Router::~Router() = default;

Result<void> Router::add(std::string_view method, std::string_view pattern, Handler handler) {
  SLUICE_TRY(auto segments, split_pattern(pattern));
  SLUICE_TRY(auto names, variable_names(segments));
  Node* node = &tree_for(method);
  for (std::string_view segment : segments) node = &node->child(segment);
  if (node->endpoint) {
    return fail(Error(Code::kAlreadyExists, "duplicated item for " + std::string(pattern)).because("duplicate-route"));
  }
  node->endpoint.emplace(Endpoint{{std::string(pattern), std::move(names)}, std::move(handler)});
  return {};
}

Response Router::operator()(Context& ctx, Request& request) const {
  PathView path(request.path());
  Found found;
  if (path.is_malformed || path.is_too_deep || !find(request.method(), path, found)) return refusal_(ctx, request);
  request.set_route(found.endpoint->route, found.values.all());
  return found.endpoint->handler(ctx, request);
}

Router::Node& Router::tree_for(std::string_view method) {
  for (Tree& tree : trees_) {
    if (tree.method == method) return *tree.root;
  }
  return *trees_.emplace_back(std::string(method), std::make_unique<Node>()).root;
}

const Router::Node* Router::tree(std::string_view method) const noexcept {
  for (const Tree& tree : trees_) {
    if (tree.method == method) return tree.root.get();
  }
  return nullptr;
}

bool Router::find(std::string_view method, const PathView& path, Found& found) const {
  const Node* root = tree(method);
  if (root != nullptr && found.search(*root, path, 0)) return true;
  return method == "HEAD" && find("GET", path, found);
}

std::string Router::allowed_methods(const PathView& path) const {
  std::vector<std::string_view> methods;
  for (const Tree& tree : trees_) {
    Found found;
    if (!found.search(*tree.root, path, 0)) continue;
    methods.push_back(tree.method);
    if (tree.method == "GET") methods.push_back("HEAD");
  }
  std::sort(methods.begin(), methods.end());
  methods.erase(std::unique(methods.begin(), methods.end()), methods.end());
  std::string list;
  for (std::string_view method : methods) list.append(list.empty() ? "" : ", ").append(method);
  return list;
}

Response Router::refuse(const Request& request) const {
  PathView path(request.path());
  if (path.is_malformed) return to_response(Problem{.status = status::kBadRequest, .code = "bad-path"});
  std::string allowed = path.is_too_deep ? std::string() : allowed_methods(path);
  if (allowed.empty()) return to_response(Problem{.status = status::kNotFound, .code = "not-found"});
  Response response = to_response(Problem{.status = status::kMethodNotAllowed, .code = "method-not-allowed"});
  response.headers.add("Allow", allowed);
  return response;
}

}  // namespace sluice::http
