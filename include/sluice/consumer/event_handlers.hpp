// SPDX-License-Identifier: MIT
// The events that a consumer handles: one static table per class. Only listed handlers can be reached.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "sluice/abi.hpp"
#include "sluice/core/task.hpp"
#include "sluice/json/fields.hpp"
#include "sluice/layer/event.hpp"

namespace sluice::SLUICE_ABI {

class Consumer;

/// Some of the kinds of broadcasts. A value.
class BroadcastKinds {
 public:
  void add(BroadcastKind kind) noexcept { kinds_ |= bit(kind); }
  bool contain(BroadcastKind kind) const noexcept { return (kinds_ & bit(kind)) != 0; }

 private:
  static std::uint8_t bit(BroadcastKind kind) noexcept {
    return static_cast<std::uint8_t>(1U << static_cast<unsigned>(kind));
  }
  std::uint8_t kinds_ = 0;
};

/// A consumer class's handlers of layer events:
///
///     static const auto handlers = EventHandlers{}
///         .on("react_to_custom_event", &Chat::react_to_custom_event)   // Task<> (const Event&)
///         .on<UsersRemoved>(&Chat::users_removed);                     // Task<> (const UsersRemoved&), decoded
///
/// A type with dots is reached by the name with underscores (behaviour DI-1). Listing a broadcast's type intercepts it:
/// the handler receives it instead of the client. Immutable once built: share freely.
class SLUICE_API EventHandlers {
 public:
  EventHandlers() = default;

  /// Handles events of this type without decoding. Throws std::invalid_argument for an empty or underscored type, or
  /// one that is listed already.
  template <class C>
  EventHandlers& on(std::string_view type, Task<> (C::*handler)(const Event&)) {
    return add(type, &call_raw<C>, handler);
  }
  /// Handles events of type E::event_type, decoded. An event that can't be decoded is logged, counted and ignored. An
  /// event type that no consumer may miss, such as a revocation, declares `static constexpr bool must_arrive = true`:
  /// with MailboxOverflow::drop_newest a busy consumer's connection is closed instead of losing such an event.
  template <json::EventType E, class C>
  EventHandlers& on(Task<> (C::*handler)(const E&)) {
    constexpr bool must_arrive = requires { requires E::must_arrive; };
    return add(E::event_type, &call_typed<E, C>, handler, must_arrive);
  }

  /// One handler's call, its decoded argument kept alive until its task has finished.
  class Call {
   public:
    Task<> task;
    std::shared_ptr<const void> argument;
  };

  bool handles(std::string_view type) const noexcept { return find(type) != nullptr; }
  /// True if an event of this type must not be dropped.
  bool must_arrive(std::string_view type) const noexcept;
  /// The broadcasts that handlers receive instead of the client.
  BroadcastKinds intercepted() const noexcept { return intercepted_; }
  /// Calls the handler of this event's type on a consumer of the class that the table belongs to. An Error: there is
  /// none (not_found), or the event can't be decoded.
  Result<Call> call(Consumer& consumer, const Event& event) const;

 private:
  static constexpr std::size_t max_pointer_bytes = 16;
  struct Entry;
  using Thunk = Result<Call> (*)(Consumer&, const Event&, const Entry&);
  struct Entry {
    std::string type;
    Thunk thunk;
    bool must_arrive;
    alignas(void*) std::byte pointer[max_pointer_bytes];
  };

  template <class Pointer>
  EventHandlers& add(std::string_view type, Thunk thunk, Pointer pointer, bool must_arrive = false) {
    static_assert(sizeof(pointer) <= max_pointer_bytes && std::is_trivially_copyable_v<Pointer>);
    Entry entry{std::string(type), thunk, must_arrive, {}};
    std::memcpy(entry.pointer, &pointer, sizeof pointer);
    return add(std::move(entry));
  }
  EventHandlers& add(Entry entry);
  const Entry* find(std::string_view type) const noexcept;

  template <class C>
  static Result<Call> call_raw(Consumer& consumer, const Event& event, const Entry& entry) {
    Task<> (C::*handler)(const Event&);
    std::memcpy(&handler, entry.pointer, sizeof handler);
    return Call{(static_cast<C&>(consumer).*handler)(event), nullptr};
  }
  template <class E, class C>
  static Result<Call> call_typed(Consumer& consumer, const Event& event, const Entry& entry) {
    Task<> (C::*handler)(const E&);
    std::memcpy(&handler, entry.pointer, sizeof handler);
    auto decoded = json::decode<E>(event.value());
    if (!decoded) return decoded.error();
    auto argument = std::make_shared<const E>(std::move(*decoded));
    Task<> task = (static_cast<C&>(consumer).*handler)(*argument);
    return Call{std::move(task), std::move(argument)};
  }

  std::vector<Entry> entries_;
  BroadcastKinds intercepted_;
};

}  // namespace sluice::SLUICE_ABI
