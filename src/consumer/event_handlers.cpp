// SPDX-License-Identifier: MIT
#include "sluice/consumer/event_handlers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "json/quoted.hpp"
#include "layer/broadcast_schema.hpp"

namespace sluice::SLUICE_ABI {

namespace {

Result<EventHandlers::Call> empty_broadcast(const Event& event) {
  const std::string_view missing = broadcast_schema().missing_part(event.broadcast_kind(), event.value());
  if (missing.empty()) return EventHandlers::Call{};
  return Error(ErrorCode::missing_field, fmt::format("a malformed broadcast: it has no {}", missing));
}

}  // namespace

EventHandlers& EventHandlers::add(Entry entry) {
  std::ranges::replace(entry.type, '.', '_');
  if (entry.type.empty() || entry.type.front() == '_') {
    throw std::invalid_argument(
        fmt::format("event handler \"{}\": the type must not be empty nor begin with an underscore", entry.type));
  }
  if (find(entry.type))
    throw std::invalid_argument(fmt::format("event handler \"{}\": it is listed already", entry.type));
  intercepted_.add(broadcast_kind_of(entry.type));
  entries_.push_back(std::move(entry));
  return *this;
}

const EventHandlers::Entry* EventHandlers::find(std::string_view type) const noexcept {
  for (const Entry& entry : entries_) {
    if (entry.type == type) return &entry;
  }
  return nullptr;
}

bool EventHandlers::must_arrive(std::string_view type) const noexcept {
  const Entry* const entry = find(type);
  return entry && entry->must_arrive;
}

Result<EventHandlers::Call> EventHandlers::call(Consumer& consumer, const Event& event) const {
  const Entry* entry = find(event.type());
  // Broadcasts go to clients and do not reach this code, unless they have no payload for any client.
  if (!entry && event.broadcast_kind() != BroadcastKind::none) return empty_broadcast(event);
  if (!entry)
    return Error(ErrorCode::not_found,
                 fmt::format("the consumer has no handler for {}", json::in_quotes(event.type())));
  return entry->thunk(consumer, event, *entry);
}

}  // namespace sluice::SLUICE_ABI
