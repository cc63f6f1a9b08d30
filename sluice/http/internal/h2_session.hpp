// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nghttp2/nghttp2.h>

#include <sluice/base/assert.hpp>
#include <sluice/base/clock.hpp>
#include <sluice/http/h2_connection.hpp>
#include <sluice/http/http_date.hpp>
#include <sluice/http/internal/h2_flood.hpp>
#include <sluice/http/internal/h2_skipped_ids.hpp>
#include <sluice/http/internal/h2_stream.hpp>
#include <sluice/net/stream.hpp>
#include <sluice/runtime/cond.hpp>
#include <sluice/runtime/context.hpp>
#include <sluice/runtime/mutex.hpp>
#include <sluice/runtime/wait_group.hpp>

namespace sluice::http::internal {

/// For calls of nghttp2 that fail for lack of memory, or for a mistake of ours.
inline void must(int nghttp2_result) noexcept { SLUICE_ASSERT(nghttp2_result == 0, "nghttp2 takes what it is given"); }

/// One HTTP/2 connection: reads, writes, and owns the streams. h2_session.cpp begins with how.
///
/// It tells the observer of: what H2Head refuses; `http2-error` (the connection broke the protocol), `bad-frame` (a frame
/// that costs its stream), `too-many-resets`, `flood`, `too-many-streams`, `slow-head`, `slow-reader`, `no-stack`; and as for
/// HTTP/1.1 `broken-stream` and `body-budget`.
/// Threads: serve() by one fiber. Lifetime: borrows all that it is given.
class H2Session {
 public:
  H2Session(net::Stream& stream, const H2Service& service, Context& ctx, Context& accepting);
  H2Session(const H2Session&) = delete;
  H2Session& operator=(const H2Session&) = delete;
  ~H2Session();

  void serve(std::string_view first_bytes);

 private:
  friend class H2Stream;
  struct Callbacks;  // what nghttp2 calls, with mutex_ locked
  struct HeadUnderWay {
    std::int32_t stream;
    Instant began;
  };
  struct Delete {
    void operator()(nghttp2_session* session) const noexcept { ::nghttp2_session_del(session); }
  };

  // ---- h2_callbacks.cpp
  std::unique_ptr<nghttp2_session, Delete> make_engine();
  static nghttp2_data_provider body_provider() noexcept;

  // ---- reading
  void read_all();
  bool feed(std::span<const std::byte> bytes);
  void start_fibers(std::vector<H2Stream*> streams);
  void leave(H2Stream& stream);
  bool await_room();

  // ---- time, and stopping
  Deadline next_look_unlocked() const;
  bool look_unlocked();
  void find_slow_readers_unlocked(Instant now);
  void begin_stop_unlocked();
  void finish_stop_unlocked();
  void quit_unlocked(std::uint32_t error_code);
  void end_unlocked(Error why);
  void close_down(Error why);
  void linger();

  // ---- writing
  void write_all();
  bool gather_unlocked();
  Result<void> send(std::string_view bytes);
  void wake_writer_unlocked();

  // ---- what streams ask for
  void return_window_unlocked(H2Stream& stream, std::size_t bytes);
  void widen_window_unlocked(H2Stream& stream);
  void invite_unlocked(H2Stream& stream);
  void submit_reply_unlocked(H2Stream& stream, const Response& response, bool has_body);
  void resume_unlocked(H2Stream& stream);
  void reset_unlocked(H2Stream& stream, std::uint32_t error_code);

  void refuse_unlocked(int status, Code code, const char* reason);
  void calm_unlocked(const char* reason);
  [[nodiscard]] std::size_t bytes_per_span() const noexcept;

  net::Stream& stream_;
  const H2Service& service_;
  Context& requests_;  // ends when the server's time to drain is over
  Context life_;       // parent of the streams' contexts; ends with the connection
  Context accepting_;  // ends when the server stops, or with the connection
  Context patience_;   // never ends
  WaitGroup fibers_;   // of the streams
  WaitGroup writer_;
  bool has_lost_client_ = false;  // the reader's: it has closed, or broken it off

  Mutex mutex_{LockRank::kHttp};
  Cond output_wanted_;  // the writer waits
  Cond output_gone_;    // the reader waits, while too much is to be written
  // All below: guarded by mutex_.
  std::unique_ptr<nghttp2_session, Delete> session_;
  std::map<std::int32_t, std::unique_ptr<H2Stream>> streams_;
  std::vector<H2Stream*> to_start_;  // their heads are complete
  std::string output_;               // the writer's, which unlocks to write it
  H2Flood flood_;
  H2SkippedIds skipped_ids_;
  HttpDate date_;
  std::size_t arrived_ = 0;            // bytes of all bodies
  std::size_t sent_ = 0;               // bytes of all replies' bodies
  std::size_t sent_before_ = 0;        // sent_ at the last inspection
  Instant inspected_at_;
  Instant idle_since_;
  std::optional<HeadUnderWay> head_under_way_;  // there is one at most
  bool stopping_ = false;              // GOAWAY has been sent, or will be
  std::optional<Instant> final_goaway_at_;  // while the client has not confirmed the first one
  bool has_named_last_ = false;        // the last stream that counts
  bool closing_ = false;               // the writer leaves when all is written
  bool broken_ = false;                // nothing can be written any more
  bool over_ = false;                  // the reader leaves
  bool has_told_ = false;              // why the connection is given up
};

}  // namespace sluice::http::internal
