// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/http/h1_requests_test.hpp>

namespace sluice::http {

/// Some bytes, and what a server makes of them, as judge() says it.
struct Case {
  std::string_view bytes;
  std::string_view verdict;
};

/// The code of a problem; empty if the reply is none.
inline std::string problem_code(const Reply& reply) {
  constexpr std::string_view kName = "\"code\":\"";
  std::size_t at = reply.body.find(kName);
  if (reply.status < status::kBadRequest || at == reply.body.npos) return "";
  std::string rest = reply.body.substr(at + kName.size());
  return rest.substr(0, rest.find('"'));
}

/// A server's connection, its handler reading each body, or leaving it where it is.
class Judged {
 public:
  Judged(Context& ctx, bool reads_bodies)
      : ctx_(ctx), talk_(ctx, [this, reads_bodies](Context& own, Request& request) {
          return answer(own, request, reads_bodies);
        }) {}

  /// Says it in pieces of so many bytes, as long as anybody listens.
  void say(std::string_view bytes, std::size_t piece) {
    while (!bytes.empty() && !talk_.is_over()) {
      std::string_view part = bytes.substr(0, piece);
      bytes.remove_prefix(part.size());
      // An error: the server has closed meanwhile, which the verdict tells.
      static_cast<void>(talk_.client().write(ctx_, as_bytes(part)));
      heard_.append(talk_.hear());
    }
  }
  /// "POST /a 'body' | 400 bare-lf | closed": the requests that the handler got whole, each refusal, and whether the
  /// connection goes on, which is tried: "kept" has answered another request, "closed" has not, "waits" is for more of this.
  std::string verdict() {
    std::string text;
    for (const std::string& request : requests_) text.append(request).append(" | ");
    auto replies = parse_replies(heard_);
    for (const Reply& reply : replies) {
      if (reply.status == status::kOk || status::is_interim(reply.status)) continue;
      text.append(std::to_string(reply.status)).append(" ").append(problem_code(reply)).append(" | ");
    }
    bool has_closed = talk_.is_over() || (!replies.empty() && replies.back().closes);
    if (!has_closed && replies.empty()) return text.append("waits");
    say(get("/probe"), std::string::npos);
    bool goes_on = parse_replies(heard_).size() > replies.size();
    EXPECT_NE(goes_on, has_closed) << "what was announced is not what was done: " << text;
    return text.append(goes_on ? "kept" : "closed");
  }
  /// Every target that the handler has seen, whatever became of its body.
  [[nodiscard]] const std::vector<std::string>& targets() const { return targets_; }

 private:
  Response answer(Context& ctx, Request& request, bool reads_body) {
    targets_.emplace_back(request.target());
    if (reads_body) {
      if (auto read = request.read_body(ctx, kBodyMax); !read) return to_response(std::move(read).error());
    }
    std::string told = std::string(request.method()) + " " + std::string(request.target());
    if (!request.body().empty()) told.append(" '").append(request.body()).append("'");
    requests_.push_back(std::move(told));
    return Response::text("done");
  }

  Context& ctx_;
  std::vector<std::string> requests_;
  std::vector<std::string> targets_;
  std::string heard_;
  Conversation talk_;
};

/// The verdict on these bytes, in one piece; fails if they are judged otherwise when they come one by one.
inline std::string judge(std::string_view bytes) {
  std::string whole, single;
  in_virtual_time([&](Context& ctx) {
    for (auto [verdict, piece] : {std::pair(&whole, std::string::npos), std::pair(&single, std::size_t{1})}) {
      Judged judged(ctx, /*reads_bodies=*/true);
      judged.say(bytes, piece);
      *verdict = judged.verdict();
    }
  });
  EXPECT_EQ(single, whole) << "a byte at a time: " << bytes;
  return whole;
}

inline void expect_verdicts(const std::vector<Case>& cases) {
  for (const Case& each : cases) EXPECT_EQ(judge(each.bytes), each.verdict) << each.bytes;
}

}  // namespace sluice::http
