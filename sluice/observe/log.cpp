// SPDX-License-Identifier: MIT
#include <sluice/observe/log.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>

#include <sluice/base/assert.hpp>
#include <sluice/observe/internal/hex.hpp>
#include <sluice/observe/internal/json_line.hpp>
#include <sluice/observe/registry.hpp>

namespace sluice::observe {
namespace {

using internal::JsonLine;

constexpr std::size_t kStandardFields = 4;  // @timestamp, caller, content, level
constexpr std::size_t kPunctuation = 6;     // ,"key":"text"
constexpr std::size_t kFieldBytesMax = Logger::kKeyBytesMax + Logger::kValueBytesMax + kPunctuation;
constexpr std::size_t kRestBytesMax = 64;  // braces, content's key, the mark that something was cut
static_assert(Logger::kContentBytesMax + (kStandardFields - 1 + Logger::kFieldsMax) * kFieldBytesMax + kRestBytesMax <=
                  JsonLine::kBytesMax,
              "the longest line fits its buffer");

// A smaller ring would hold no line of any length and only count drops.
constexpr std::size_t kRingBytesMin = std::size_t{16} * 1024;
static_assert(kRingBytesMin > JsonLine::kBytesMax);

constexpr std::string_view kContent = "content";

std::string_view to_string(Level level) noexcept {
  switch (level) {
    case Level::kDebug: return "debug";
    case Level::kInfo: return "info";
    case Level::kStat: return "stat";
    case Level::kError: return "error";
    case Level::kSlow: return "slow";
    case Level::kSevere: return "fatal";  // go-zero's word for it
    case Level::kAlert: return "alert";
  }
  return "info";
}

using Room = std::array<char, 128>;  // for what is put together here: a time stamp, a caller, an id

template <std::size_t kDigits>
char* put_digits(char* at, unsigned number) noexcept {
  for (std::size_t digit = kDigits; digit-- > 0; number /= 10) at[digit] = static_cast<char>('0' + number % 10);
  return at + kDigits;
}

char* put_offset(char* at, std::chrono::minutes offset) noexcept {
  if (offset.count() == 0) return *at = 'Z', at + 1;
  *at++ = offset.count() < 0 ? '-' : '+';
  auto minutes = static_cast<unsigned>(std::chrono::abs(offset).count());
  at = put_digits<2>(at, minutes / 60);
  *at++ = ':';
  return put_digits<2>(at, minutes % 60);
}

/// Go's layout 2006-01-02T15:04:05.000Z07:00. Not by localtime: it takes a lock that all threads share.
std::string_view format_time(WallTime when, std::chrono::minutes offset, Room& room) noexcept {
  auto local = std::chrono::floor<std::chrono::milliseconds>(when) + offset;
  auto midnight = std::chrono::floor<std::chrono::days>(local);
  std::chrono::year_month_day date(midnight);
  std::chrono::hh_mm_ss time(local - midnight);
  char* at = put_digits<4>(room.data(), static_cast<unsigned>(static_cast<int>(date.year())));
  *at++ = '-';
  at = put_digits<2>(at, static_cast<unsigned>(date.month()));
  *at++ = '-';
  at = put_digits<2>(at, static_cast<unsigned>(date.day()));
  *at++ = 'T';
  at = put_digits<2>(at, static_cast<unsigned>(time.hours().count()));
  *at++ = ':';
  at = put_digits<2>(at, static_cast<unsigned>(time.minutes().count()));
  *at++ = ':';
  at = put_digits<2>(at, static_cast<unsigned>(time.seconds().count()));
  *at++ = '.';
  at = put_digits<3>(at, static_cast<unsigned>(time.subseconds().count()));
  return {room.data(), put_offset(at, offset)};
}

// As rfind('/'), which looks at one character after the other.
std::size_t find_last_slash(std::string_view path) noexcept {
  const void* found = path.empty() ? nullptr : ::memrchr(path.data(), '/', path.size());
  return found == nullptr ? path.npos : static_cast<std::size_t>(static_cast<const char*>(found) - path.data());
}

/// "http/server.cpp:120": the file and the folder that it is in.
std::string_view format_caller(const std::source_location& where, Room& room) noexcept {
  constexpr std::size_t kLineNumberMax = 11;  // with its colon
  std::string_view file = where.file_name();
  std::size_t name = find_last_slash(file);
  std::size_t folder = name == file.npos ? file.npos : find_last_slash(file.substr(0, name));
  if (folder != file.npos) file.remove_prefix(folder + 1);
  file = file.substr(0, room.size() - kLineNumberMax);
  char* at = std::ranges::copy(file, room.data()).out;
  *at++ = ':';
  return {room.data(), std::to_chars(at, room.data() + room.size(), where.line()).ptr};
}

/// "12.3ms", as go-zero's ReprOfDuration, rounded half away from zero. By whole numbers: printing a double is half of what a
/// line costs otherwise.
std::string_view format_duration(Duration length, Room& room) noexcept {
  constexpr std::int64_t kTenth = 100'000;  // of a millisecond, in ns
  std::int64_t tenths = length.count() / kTenth + length.count() % kTenth / (kTenth / 2);
  char* at = room.data();
  if (tenths < 0) *at++ = '-';
  auto magnitude = static_cast<std::uint64_t>(tenths < 0 ? -tenths : tenths);
  at = std::to_chars(at, room.data() + room.size(), magnitude / 10).ptr;
  *at++ = '.';
  *at++ = static_cast<char>('0' + magnitude % 10);
  return {room.data(), std::ranges::copy(std::string_view("ms"), at).out};
}

struct ValueWriter {
  JsonLine& line;
  std::size_t text_bytes_max;

  void operator()(std::string_view text) const noexcept { line.add_text(text, text_bytes_max); }
  void operator()(bool yes) const noexcept { line.add_bool(yes); }
  void operator()(auto number) const noexcept { line.add_number(number); }
  void operator()(Duration length) const noexcept {
    Room room;
    line.add_plain_text(format_duration(length, room));
  }
  void operator()(TraceId id) const noexcept {
    Room room;
    line.add_plain_text({room.data(), internal::put_hex(internal::put_hex(room.data(), id.high), id.low)});
  }
  void operator()(SpanId id) const noexcept {
    Room room;
    line.add_plain_text({room.data(), internal::put_hex(room.data(), id.value)});
  }
};

int compare(std::string_view a, std::string_view b) noexcept {
  if (!a.empty() && !b.empty() && a[0] != b[0]) return a[0] < b[0] ? -1 : 1;  // nearly always, and without a call
  return a.compare(b);
}

/// The fields of one record by key. Few enough for insertion sort, which is quick for fields that come in order.
class SortedFields {
 public:
  /// False: no room. A key that is there already stays as it was.
  [[nodiscard]] bool insert(const FieldView& field) noexcept {
    std::size_t at = size_;
    int order = 1;
    while (at > 0 && (order = compare(field.key(), fields_[at - 1]->key())) < 0) --at;
    if (at > 0 && order == 0) return true;
    if (size_ == fields_.size()) return false;
    for (std::size_t i = size_; i > at; --i) fields_[i] = fields_[i - 1];
    fields_[at] = &field;
    ++size_;
    return true;
  }
  [[nodiscard]] const FieldView* const* begin() const noexcept { return fields_.data(); }
  [[nodiscard]] const FieldView* const* end() const noexcept { return fields_.data() + size_; }

 private:
  std::array<const FieldView*, kStandardFields + Logger::kFieldsMax> fields_;
  std::size_t size_ = 0;
};

}  // namespace

Logger::Logger(const Clock& clock, Registry& registry, LogOptions options)
    : clock_(clock),
      dropped_total_(registry.counter("log_dropped_total", "Log records dropped because the ring was full.")),
      content_bytes_max_(options.content_bytes_max == 0 ? kContentBytesMax
                                                        : std::min(options.content_bytes_max, kContentBytesMax)),
      level_(options.level),
      utc_offset_(options.utc_offset),
      ring_(std::bit_ceil(std::max(options.ring_bytes, kRingBytesMin))) {}

void Logger::write(Level level, std::string_view content, Fields fields, const Where& where) noexcept {
  JsonLine line;
  render(line, level, content, fields, where);
  if (!ring_.push(static_cast<std::uint8_t>(level), line.finish())) {
    dropped_.fetch_add(1, std::memory_order_relaxed);  // relaxed: a count by itself
    dropped_total_.add();
  }
}

void Logger::render(JsonLine& line, Level level, std::string_view content, Fields fields,
                    const Where& where) const noexcept {
  Room time, caller;
  std::chrono::minutes offset = utc_offset_.load(std::memory_order_relaxed);  // relaxed: a setting by itself
  const FieldView standard[kStandardFields] = {
      {"@timestamp", format_time(clock_.wall_now(), offset, time)},
      {"caller", format_caller(where, caller)},
      {kContent, content},
      {"level", to_string(level)},
  };
  SortedFields sorted;
  bool complete = true;
  for (const FieldView& field : standard) complete &= sorted.insert(field);
  for (const FieldView& field : fields) complete &= sorted.insert(field);
  for (const FieldView* field : sorted) {
    line.add_key(field->key(), kKeyBytesMax);
    std::size_t bytes_max = field->key() == kContent ? content_bytes_max_ : kValueBytesMax;
    std::visit(ValueWriter{line, bytes_max}, field->value());
  }
  if (complete && !line.is_cut()) return;
  line.add_key("truncated", kKeyBytesMax);
  line.add_bool(true);
}

std::size_t Logger::drain(const std::function<void(Level, std::string_view line)>& take, std::size_t lines_max) {
  // acquire: pairs with the release below; what the last drain left in line_ and dropped_reported_ is ours to see.
  bool alone = !draining_.exchange(true, std::memory_order_acquire);
  SLUICE_ASSERT(alone, "one drain at a time");
  std::size_t taken = 0;
  if (taken < lines_max && report_dropped(take)) ++taken;
  for (std::uint8_t level = 0; taken < lines_max && ring_.pop(level, line_); ++taken)
    take(static_cast<Level>(level), line_);
  // release: pairs with the acquire above.
  draining_.store(false, std::memory_order_release);
  return taken;
}

bool Logger::report_dropped(const std::function<void(Level, std::string_view line)>& take) {
  std::uint64_t dropped = dropped_.load(std::memory_order_relaxed);  // relaxed: a count by itself
  if (dropped == dropped_reported_) return false;
  JsonLine line;
  render(line, Level::kError, "log records dropped", {{"dropped", dropped - dropped_reported_}}, Where::current());
  dropped_reported_ = dropped;
  take(Level::kError, line.finish());
  return true;
}

}  // namespace sluice::observe
