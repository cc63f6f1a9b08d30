// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <source_location>
#include <string>
#include <string_view>
#include <variant>

#include <sluice/base/clock.hpp>
#include <sluice/observe/internal/line_ring.hpp>
#include <sluice/observe/metric.hpp>
#include <sluice/observe/span.hpp>

namespace sluice::observe {

class Registry;
namespace internal {
class JsonLine;
}

/// go-zero's levels, rising; a logger writes its own level and all above. "stat" goes with info, "slow" with error.
enum class Level : std::uint8_t { kDebug, kInfo, kStat, kError, kSlow, kSevere, kAlert };

/// One named value of a record. Never a value from a payload: it may be health data, and logs are read by many. Ids,
/// sizes, codes, durations and names of fields are what a log is for.
/// Lifetime: key and text outlive the call that they are handed to; a temporary in that call's arguments does.
class FieldView {
 public:
  FieldView(std::string_view key, std::string_view text) : key_(key), value_(text) {}
  FieldView(std::string_view key, std::same_as<bool> auto yes) : key_(key), value_(yes) {}
  FieldView(std::string_view key, std::signed_integral auto number) : key_(key), value_(std::int64_t{number}) {}
  FieldView(std::string_view key, std::unsigned_integral auto number)
    requires(!std::same_as<decltype(number), bool>)
      : key_(key), value_(std::uint64_t{number}) {}
  /// Not a number and infinity become text.
  FieldView(std::string_view key, std::floating_point auto number) : key_(key), value_(static_cast<double>(number)) {}
  /// Written as go-zero writes a duration: "12.3ms".
  FieldView(std::string_view key, Duration length) : key_(key), value_(length) {}
  FieldView(std::string_view key, TraceId id) : key_(key), value_(id) {}
  FieldView(std::string_view key, SpanId id) : key_(key), value_(id) {}

  using Value = std::variant<std::string_view, bool, std::int64_t, std::uint64_t, double, Duration, TraceId, SpanId>;
  [[nodiscard]] std::string_view key() const noexcept { return key_; }
  [[nodiscard]] const Value& value() const noexcept { return value_; }

 private:
  std::string_view key_;
  Value value_;
};

struct LogOptions {
  Level level = Level::kInfo;
  /// What fits between two drains; rounded up to a power of two. 1 MiB is some 3,000 access-log lines: 10 ms of 300,000
  /// requests a second.
  std::size_t ring_bytes = std::size_t{1} << 20;
  /// Longer content is cut and marked `"truncated":true`; 0 = kContentBytesMax. (MaxContentLength)
  std::size_t content_bytes_max = 0;
  /// Of the time stamps; zero writes "Z".
  std::chrono::minutes utc_offset{0};
};

/// Says what happens, without ever holding up the one who says it: a record becomes one line of JSON with go-zero's
/// field names in a bounded ring; somebody else drains the ring and writes. When the ring is full the record is dropped
/// and counted in `log_dropped_total`, and the next drain adds a line that says how many.
///
///   log.info("listening", {{"port", 8888}});
///   log.error("peer refused", {{"reason", error.reason()}, {"duration", elapsed}, {"trace", span.trace}});
///
/// A record below the logger's level costs one load. Content is for people and says no payload value either.
/// Fields beyond kFieldsMax, the rest of a long key, text or content, and a key that occurred before are left out.
/// Threads: any; never parks, never allocates. Lifetime: clock and registry outlive it.
/// Source of the line: go-zero core/logx (keys sorted, no HTML escapes). Not taken over: key names to choose, "plain".
class Logger {
 public:
  using Fields = std::initializer_list<FieldView>;
  using Where = std::source_location;

  // A line is put together on the caller's stack: the limits keep it within 9 KiB of a fiber's 256. All count bytes as
  // written, so with escapes. Content has room for a stack of forty frames.
  static constexpr std::size_t kContentBytesMax = 4096;
  static constexpr std::size_t kFieldsMax = 12;
  static constexpr std::size_t kKeyBytesMax = 32;
  static constexpr std::size_t kValueBytesMax = 256;
  /// Lines taken by one drain unless told otherwise: what one write to a file carries well.
  static constexpr std::size_t kDrainLinesMax = 1024;

  Logger(const Clock& clock, Registry& registry, LogOptions options = {});
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;

  void debug(std::string_view content, Fields fields = {}, Where where = Where::current()) noexcept {
    record(Level::kDebug, content, fields, where);
  }
  void info(std::string_view content, Fields fields = {}, Where where = Where::current()) noexcept {
    record(Level::kInfo, content, fields, where);
  }
  /// Regular figures, such as requests of the last minute.
  void stat(std::string_view content, Fields fields = {}, Where where = Where::current()) noexcept {
    record(Level::kStat, content, fields, where);
  }
  void error(std::string_view content, Fields fields = {}, Where where = Where::current()) noexcept {
    record(Level::kError, content, fields, where);
  }
  /// Something took longer than it should.
  void slow(std::string_view content, Fields fields = {}, Where where = Where::current()) noexcept {
    record(Level::kSlow, content, fields, where);
  }
  /// The program cannot go on; written as "fatal".
  void severe(std::string_view content, Fields fields = {}, Where where = Where::current()) noexcept {
    record(Level::kSevere, content, fields, where);
  }
  /// Somebody must be woken.
  void alert(std::string_view content, Fields fields = {}, Where where = Where::current()) noexcept {
    record(Level::kAlert, content, fields, where);
  }
  /// For a level known only at run time.
  void record(Level level, std::string_view content, Fields fields = {}, Where where = Where::current()) noexcept {
    if (enabled(level)) write(level, content, fields, where);
  }
  /// Whether a record of this level is written; ask before costly preparations.
  [[nodiscard]] bool enabled(Level level) const noexcept {
    return level >= level_.load(std::memory_order_relaxed);  // relaxed: see level_
  }

  void set_level(Level level) noexcept { level_.store(level, std::memory_order_relaxed); }  // relaxed: see level_
  /// For the hour when daylight saving begins or ends.
  void set_utc_offset(std::chrono::minutes offset) noexcept {
    utc_offset_.store(offset, std::memory_order_relaxed);  // relaxed: see utc_offset_
  }

  /// Takes up to `lines_max` lines out, oldest first, and hands each to `take` with its '\n', borrowed until `take`
  /// returns. Returns how many; 0 = nothing there. `take` may do what its caller may, also park.
  /// Requires: one drain at a time.
  std::size_t drain(const std::function<void(Level, std::string_view line)>& take,
                    std::size_t lines_max = kDrainLinesMax);

 private:
  void write(Level level, std::string_view content, Fields fields, const Where& where) noexcept;
  void render(internal::JsonLine& line, Level level, std::string_view content, Fields fields,
              const Where& where) const noexcept;
  [[nodiscard]] bool report_dropped(const std::function<void(Level, std::string_view line)>& take);

  const Clock& clock_;
  Counter& dropped_total_;
  std::size_t content_bytes_max_;
  std::atomic<Level> level_;                      // written by set_level; a setting by itself, publishes nothing
  std::atomic<std::chrono::minutes> utc_offset_;  // written by set_utc_offset; likewise
  internal::LineRing ring_;
  std::atomic<std::uint64_t> dropped_{0};  // written by write, read by drain; counts, publishes nothing
  std::atomic<bool> draining_{false};      // written by drain; publishes what is the drainer's only, below
  std::string line_;                       // the drainer's only
  std::uint64_t dropped_reported_ = 0;     // the drainer's only
};

}  // namespace sluice::observe
