// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <sluice/base/result.hpp>
#include <sluice/http/handler.hpp>

namespace sluice::http {

/// Finds the handler for a method and a path.
///
///   Router router;
///   SLUICE_TRY(router.add("GET", "/v1/studies/:study/receipts/:id", find_receipt));
///   Server server(std::move(listener), options, std::ref(router), parts);
///
/// A path is matched segment by segment. A segment that begins with ':' is a variable and takes any one segment; a colon
/// further on is a letter like others ("/vitals:batch"). A static segment is preferred to a variable, and if that leads
/// nowhere the variable is tried. "//", "." and "..", and a slash at the end, make no difference. HEAD is served by GET
/// where it has no route of its own. Another method's path is 405 with Allow, an unknown one 404, a malformed escape 400.
///
/// Deviations from go-zero: segments are decoded after they were split, so %2F is part of a value; a variable is never
/// empty; two routes that differ in the names of their variables only are duplicates, instead of taking turns.
/// Threads: add() before the first request, then any number of requests. Lifetime: outlives the requests that it routed.
/// Source: go-zero's core/search, rest/router (contracts §4.6).
class Router {
 public:
  /// `around_refusals` wraps the 404s and 405s, so that they are traced and logged too.
  explicit Router(Middleware around_refusals = nullptr);
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;
  ~Router();

  /// kAlreadyExists `duplicate-route`; kInvalidArgument `bad-pattern`: does not begin with '/', has an empty segment or
  /// one of dots, or a variable without a proper name or with one used twice.
  Result<void> add(std::string_view method, std::string_view pattern, Handler handler);

  /// Routes and answers. Parks if the handler does.
  Response operator()(Context& ctx, Request& request) const;

 private:
  struct Node;
  struct Endpoint;
  struct PathView;
  struct Found;
  struct Tree {
    std::string method;
    std::unique_ptr<Node> root;
  };

  [[nodiscard]] Node& tree_for(std::string_view method);
  [[nodiscard]] const Node* tree(std::string_view method) const noexcept;
  [[nodiscard]] bool find(std::string_view method, const PathView& path, Found& found) const;
  [[nodiscard]] std::string allowed_methods(const PathView& path) const;
  [[nodiscard]] Response refuse(const Request& request) const;

  std::vector<Tree> trees_;
  Handler refusal_;
};

}  // namespace sluice::http
