// SPDX-License-Identifier: MIT
//
// Reader, writer and handlers on real processors at once: for races, which virtual time does not have.
#include <set>
#include <string>

#include <gtest/gtest.h>

#include <sluice/http/h2_test.hpp>

namespace sluice::http {
namespace {

class Deaf final : public RefusalObserver {
 public:
  void on_refusal(int, const Error&) noexcept override {}
};

Response echo_twice(Context& ctx, Request& request) {
  if (auto read = request.read_body(ctx, kWideWire); !read) return to_response(std::move(read).error());
  yield();
  std::string body(request.body());
  if (request.path() == "/whole") return Response::text(body + body);
  return Response::streamed("text/plain", [body](Context& own, BodyWriter& out) -> Result<void> {
    SLUICE_TRY(out.write(own, body));
    return out.write(own, body);
  });
}

// Reads frames until the replies on all these streams have ended.
void await_replies(Context& ctx, net::Stream& stream, std::string& unread, std::set<std::int32_t> streams) {
  std::array<std::byte, 4096> buffer;
  while (!streams.empty()) {
    auto count = stream.read(ctx, buffer);
    ASSERT_TRUE(count && *count > 0) << "the server has closed";
    unread.append(as_text(std::span(buffer).first(*count)));
    std::size_t whole = 0;
    auto size_at = [&](std::size_t at) {
      auto byte = [&](std::size_t i) { return std::size_t(static_cast<unsigned char>(unread[at + i])); };
      return 9 + (byte(0) << 16 | byte(1) << 8 | byte(2));
    };
    while (unread.size() >= whole + 9 && unread.size() >= whole + size_at(whole)) whole += size_at(whole);
    for (const H2Frame& frame : h2_frames(std::string_view(unread).substr(0, whole))) {
      bool may_end = frame.type == kData || frame.type == kHeaders;
      if (may_end && (frame.flags & kEndStream) != 0) streams.erase(frame.stream);
    }
    unread.erase(0, whole);
  }
}

void converse(Context& ctx, const H2Service& service, int rounds) {
  auto [client, server] = net::memory_pair(20'000);
  Context accepting(ctx);
  TaskGroup serving(ctx);
  serving.go([&, stream = server.get()](Context& requests) { H2Connection::serve(*stream, service, requests, accepting); });
  std::string wide = h2_frame(kWindowUpdate, 0, 0, big_endian(1 << 24, 4));
  ASSERT_TRUE(client->write(ctx, as_bytes(h2_hello() + wide)));
  std::string unread;
  std::int32_t id = -1;
  for (int round = 0; round < rounds; ++round) {
    std::set<std::int32_t> wanted;
    std::string said;
    for (int i = 0; i < 20; ++i) {
      id += 2;
      FieldList fields = h2_post();
      fields[3].second = i % 2 == 0 ? "/whole" : "/stream";
      said.append(h2_head(id, fields, kEndHeaders)).append(h2_frame(kData, kEndStream, id, std::string(300, 'b')));
      if (i % 7 == 6 && round % 4 == 0) {
        said.append(h2_frame(kRstStream, 0, id, big_endian(NGHTTP2_CANCEL, 4)));
      } else {
        wanted.insert(id);
      }
    }
    ASSERT_TRUE(client->write(ctx, as_bytes(said)));
    await_replies(ctx, *client, unread, std::move(wanted));
  }
  client.reset();
}

TEST(Http2_parallel, requests_resets_and_replies_of_several_connections_do_not_disturb_each_other) {
  on_few_and_many_processors([](Context& ctx) {
    const Handler handler(echo_twice);
    Deaf refusals;
    BodyBudget budget(std::size_t{1} << 30);
    H2Service service{.options = {}, .handler = handler, .clock = runtime_clock(), .refusals = refusals, .bodies = &budget};
    TaskGroup clients(ctx);
    for (int i = 0; i < 4; ++i) clients.go([&](Context& own) { converse(own, service, kSanitized ? 20 : 100); });
    EXPECT_TRUE(clients.wait());
    EXPECT_EQ(budget.used(), 0U);
  });
}

TEST(Http2_parallel, a_stop_in_the_middle_loses_nobody) {
  on_few_and_many_processors([](Context& ctx) {
    const Handler handler(echo_twice);
    Deaf refusals;
    H2Service service{.options = {}, .handler = handler, .clock = runtime_clock(), .refusals = refusals, .bodies = nullptr};
    for (int i = 0; i < (kSanitized ? 20 : 200); ++i) {
      auto [client, server] = net::memory_pair(20'000);
      Context accepting(ctx);
      TaskGroup serving(ctx);
      serving.go([&, stream = server.get()](Context& requests) { H2Connection::serve(*stream, service, requests, accepting); });
      ASSERT_TRUE(client->write(ctx, as_bytes(h2_hello() + h2_head(1, h2_get("/whole")) + h2_head(3, h2_get("/stream")))));
      accepting.cancel();
      std::string unread;
      await_replies(ctx, *client, unread, {1, 3});
      client.reset();
      EXPECT_TRUE(serving.wait());
    }
  });
}

}  // namespace
}  // namespace sluice::http
