// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include <sluice/base/clock.hpp>
#include <sluice/runtime/channel.hpp>
#include <sluice/runtime/go.hpp>
#include <sluice/runtime/internal/select_core.hpp>

namespace sluice {

/// The index that select gives when the context ended before any case was ready.
inline constexpr std::size_t kContextEnded = static_cast<std::size_t>(-1);

/// The cases of a select; make them with recv, send, after and otherwise.
template <class T>
class RecvCase;
template <class T>
class SendCase;
class AfterCase;
class OtherwiseCase;

/// Ready when a value is there, or the channel is closed and empty; then the value is nothing.
template <class T>
[[nodiscard]] RecvCase<T> recv(Chan<T>& channel);
/// Never ready if there is no channel: so a loop turns a case off, as with Go's nil channels.
template <class T>
[[nodiscard]] RecvCase<T> recv(Chan<T>* channel);
/// Ready when somebody takes the value or there is room. If another case is chosen the value is dropped.
template <class T>
[[nodiscard]] SendCase<T> send(Chan<T>& channel, std::type_identity_t<T> value);
/// Never ready if there is no channel.
template <class T>
[[nodiscard]] SendCase<T> send(Chan<T>* channel, std::type_identity_t<T> value);
/// Ready this long after the select began to wait.
[[nodiscard]] AfterCase after(Duration length);
/// Ready when that time has come: the same for all selects of a loop, as a channel of Go's time.After. Requires: the
/// runtime's clock.
[[nodiscard]] AfterCase after(Deadline deadline);
/// Chosen when no other case is ready, so that the select never parks.
[[nodiscard]] OtherwiseCase otherwise();

/// Parks until one of the cases is ready and carries out exactly that one; chooses evenly among several.
///
///   auto [index, value] = select(ctx, recv(results), after(1s));
///   if (index == 0) use(*value);         // value: std::optional of what was received, nothing for the other cases
///
/// With receives of several types the value is a std::variant<std::monostate, ...> of those types, in order, each once; its
/// index() is 0 for nothing. One of them may be std::monostate, which then only index() tells from nothing.
/// index is kContextEnded if ctx ends first, or has ended: it comes before all cases. Without any case that can become ready
/// it parks until then. Threads, visibility and first come, first served: as the channels'; the end of a time shows nothing.
/// Never selects a send on a closed channel: that is a bug, asserted. Source: Go's select statement.
template <class... Cases>
auto select(Context& ctx, Cases&&... cases);

// ---- implementation ----

namespace internal {
// As if its channel were one that nobody else knows.
inline SelectCase never_ready() noexcept { return SelectCase::after(Duration::max()); }
}  // namespace internal

template <class T>
class RecvCase {
 public:
  using Received = T;
  explicit RecvCase(Chan<T>* channel) : channel_(channel) {}
  internal::SelectCase bind() noexcept {
    if (channel_ == nullptr) return internal::never_ready();
    return internal::SelectCase::receive(channel_->core(), landing_.memory());
  }
  std::optional<T> take(bool arrived) { return arrived ? std::optional<T>(landing_.take()) : std::nullopt; }

 private:
  Chan<T>* channel_;
  internal::Landing<T> landing_;
};

template <class T>
class SendCase {
 public:
  using Received = void;
  SendCase(Chan<T>* channel, T value) : channel_(channel), value_(std::move(value)) {}
  internal::SelectCase bind() noexcept {
    if (channel_ == nullptr) return internal::never_ready();
    return internal::SelectCase::send(channel_->core(), std::addressof(value_));
  }

 private:
  Chan<T>* channel_;
  T value_;
};

class AfterCase {
 public:
  using Received = void;
  explicit AfterCase(Duration length) : length_(length) {}
  explicit AfterCase(Deadline deadline) : deadline_(deadline) {}
  internal::SelectCase bind() noexcept { return internal::SelectCase::after(length_ ? *length_ : time_left()); }

 private:
  Duration time_left() const noexcept { return deadline_.left(runtime_clock()).value_or(Duration::max()); }

  std::optional<Duration> length_;
  Deadline deadline_;  // if there is no length_
};

class OtherwiseCase {
 public:
  using Received = void;
  internal::SelectCase bind() noexcept { return internal::SelectCase::otherwise(); }
};

template <class T>
RecvCase<T> recv(Chan<T>& channel) {
  return RecvCase<T>(&channel);
}
template <class T>
RecvCase<T> recv(Chan<T>* channel) {
  return RecvCase<T>(channel);
}
template <class T>
SendCase<T> send(Chan<T>& channel, std::type_identity_t<T> value) {
  return SendCase<T>(&channel, std::move(value));
}
template <class T>
SendCase<T> send(Chan<T>* channel, std::type_identity_t<T> value) {
  return SendCase<T>(channel, std::move(value));
}
inline AfterCase after(Duration length) { return AfterCase(length); }
inline AfterCase after(Deadline deadline) { return AfterCase(deadline); }
inline OtherwiseCase otherwise() { return {}; }

namespace internal {

template <class T, class... Ts>
inline constexpr bool kIsOneOf = (std::is_same_v<T, Ts> || ...);

// The received types of a list of cases, each once, as std::tuple<...>.
template <class Seen, class... Rest>
struct ReceivedTypes {
  using type = Seen;
};
template <class... Seen, class First, class... Rest>
struct ReceivedTypes<std::tuple<Seen...>, First, Rest...> {
  using type = typename ReceivedTypes<
      std::conditional_t<std::is_void_v<First> || kIsOneOf<First, Seen...>, std::tuple<Seen...>,
                         std::tuple<Seen..., First>>,
      Rest...>::type;
};

// Which of the types T is.
template <class T, class... Ts>
inline constexpr std::size_t kPlaceOf = [] {
  std::size_t place = 0;
  static_cast<void>(((std::is_same_v<T, Ts> || (++place, false)) || ...));
  return place;
}();

// No receive: std::optional<std::monostate>, never set. One type: std::optional of it. More: a variant.
// put emplaces, by index: a value need not be assignable, and std::monostate may be in the variant twice.
template <class Types>
struct SelectedValue;
template <>
struct SelectedValue<std::tuple<>> {
  using type = std::optional<std::monostate>;
};
template <class T>
struct SelectedValue<std::tuple<T>> {
  using type = std::optional<T>;
  static void put(type& value, T&& received) { value.emplace(std::move(received)); }
};
template <class... Ts>
  requires(sizeof...(Ts) > 1)
struct SelectedValue<std::tuple<Ts...>> {
  using type = std::variant<std::monostate, Ts...>;
  template <class T>
  static void put(type& value, T&& received) {
    value.template emplace<1 + kPlaceOf<T, Ts...>>(std::move(received));
  }
};

}  // namespace internal

/// What select chose.
template <class Value>
struct Selected {
  std::size_t index;  ///< of the case, in the order they were given; or kContextEnded
  Value value;
};

template <class... Cases>
auto select(Context& ctx, Cases&&... cases) {
  using Types = typename internal::ReceivedTypes<std::tuple<>, typename std::remove_cvref_t<Cases>::Received...>::type;
  using SelectedValue = internal::SelectedValue<Types>;
  std::array<internal::SelectCase, sizeof...(Cases)> bound{cases.bind()...};
  internal::SelectChoice choice = internal::select(ctx, bound);
  Selected<typename SelectedValue::type> selected{choice.index, {}};
  [[maybe_unused]] auto take = [&, at = std::size_t{0}](auto& chosen) mutable {
    if (at++ != choice.index) return;
    if constexpr (requires { chosen.take(true); }) {
      if (auto value = chosen.take(choice.received)) SelectedValue::put(selected.value, std::move(*value));
    }
  };
  (take(cases), ...);
  return selected;
}

}  // namespace sluice
