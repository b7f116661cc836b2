// SPDX-License-Identifier: MIT
#include "consumer/backlog.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace sluice {
namespace {

// What a message takes beside its bytes: places in the maps and the chunk's head, about.
constexpr std::size_t beside_a_frame = 256;

std::size_t cost_of(const Frame& frame, std::string_view key) noexcept {
  return frame.size() + key.size() + beside_a_frame;
}

}  // namespace

bool Backlog::keep(const Frame& frame, std::string_view group, std::size_t elsewhere) {
  const std::size_t cost = cost_of(frame, {});
  if (elsewhere + bytes() + cost > bounds_.all || !total_.holds(cost)) return false;
  Entry entry{frames_.unshared(frame), group.empty() ? nullptr : &lane_of(group), {}, false};
  add(std::move(entry), entry.lane ? &entry.lane->kept : nullptr);
  kept_bytes_ += cost;
  total_.bytes.fetch_add(cost, std::memory_order_relaxed);
  ++next_;
  return true;
}

// As number next_. When there is no memory nothing has changed.
void Backlog::add(Entry entry, std::set<Number>* numbers) {
  Lane* const lane = entry.lane;
  try {
    const auto added = entries_.emplace_hint(entries_.end(), next_, std::move(entry));
    try {
      if (numbers) numbers->insert(numbers->end(), next_);
    } catch (...) {
      entries_.erase(added);
      throw;
    }
  } catch (...) {
    forget_if_idle(lane);
    throw;
  }
}

Backlog::Losses Backlog::put(const Frame& frame, std::string_view group, WhenSlow policy, std::string_view key,
                             std::size_t elsewhere) {
  assert(policy != WhenSlow::close && "what must not be dropped is kept");
  Lane& lane = lane_of(group);
  const std::size_t cost = cost_of(frame, key);
  Losses losses;
  if (policy == WhenSlow::keep_latest) {
    if (const auto older = lane.latest.find(std::string(key)); older != lane.latest.end()) {
      ++lane.superseded;
      ++losses.superseded;
      drop(lane, older->second);
    }
  }
  const bool oldest_give_way = policy != WhenSlow::drop_newest;
  const bool silent = !oldest_give_way && lane.dropped > 0;  // until the gap is told
  if (silent ||
      !fits(cost, elsewhere, oldest_give_way ? lane.droppable_bytes : 0, oldest_give_way ? lane.droppable.size() : 0)) {
    drop_new(lane, 1);
    ++losses.dropped;
    return losses;
  }
  while (!fits(cost, elsewhere, 0, 0)) {
    ++lane.dropped;
    ++losses.dropped;
    drop(lane, *lane.droppable.begin());
  }
  add({frames_.unshared(frame), &lane, std::string(key), true}, &lane.droppable);
  lane.droppable_bytes += cost;
  droppable_bytes_ += cost;
  total_.bytes.fetch_add(cost, std::memory_order_relaxed);
  ++droppable_messages_;
  if (policy == WhenSlow::keep_latest) {
    try {
      lane.latest.emplace(key, next_);
    } catch (...) {  // it waits, and no newer one will take its place
    }
  }
  ++next_;
  return losses;
}

void Backlog::miss(std::string_view group, std::uint64_t messages) { drop_new(lane_of(group), messages); }

std::size_t Backlog::leave(std::string_view group) {
  const auto found = lanes_.find(std::string(group));
  if (found == lanes_.end()) return 0;
  Lane& lane = found->second;
  const std::size_t waited = lane.kept.size() + lane.droppable.size();
  while (!lane.kept.empty()) let_go(entries_.find(*lane.kept.begin()));
  while (!lane.droppable.empty()) let_go(entries_.find(*lane.droppable.begin()));
  if (lane.gap) entries_.erase(*lane.gap);
  lanes_.erase(found);
  return waited;
}

Backlog::Waiting Backlog::take_message() {
  assert(!empty() && !gap_is_next() && "a message is next");
  const auto first = entries_.begin();
  Lane* const lane = first->second.lane;
  Waiting taken{first->second.frame, lane ? std::string(lane->group) : std::string()};
  let_go(first);
  forget_if_idle(lane);
  return taken;
}

Gap Backlog::take_gap() {
  assert(gap_is_next() && "a gap is next");
  const auto first = entries_.begin();
  Lane* const lane = first->second.lane;
  Gap gap{std::string(lane->group), std::exchange(lane->dropped, 0), std::exchange(lane->superseded, 0)};
  lane->gap.reset();
  entries_.erase(first);
  forget_if_idle(lane);
  return gap;
}

Backlog::Lane& Backlog::lane_of(std::string_view group) {
  const auto [place, added] = lanes_.try_emplace(std::string(group));
  if (added) place->second.group = place->first;
  return place->second;
}

// Would it fit if so much of what may be dropped were gone?
bool Backlog::fits(std::size_t cost, std::size_t elsewhere, std::size_t freed_bytes,
                   std::size_t freed_messages) const noexcept {
  const std::size_t droppable = droppable_bytes_ - freed_bytes + cost;
  return droppable <= bounds_.droppable_bytes && elsewhere + kept_bytes_ + droppable <= bounds_.all &&
         droppable_messages_ - freed_messages < bounds_.droppable_messages &&
         total_.holds(cost - std::min(cost, freed_bytes));
}

// Moves the gap behind everything that waits.
void Backlog::drop_new(Lane& lane, std::uint64_t messages) {
  if (lane.gap) {
    auto gap = entries_.extract(*lane.gap);
    gap.key() = next_;
    entries_.insert(std::move(gap));
  } else {
    entries_.emplace_hint(entries_.end(), next_, Entry{Frame(), &lane, {}, false});
  }
  lane.gap = next_++;
  lane.dropped += messages;
}

// The gap takes the place of the message, unless it stands behind it. It needs no memory.
void Backlog::drop(Lane& lane, Number number) noexcept {
  const auto entry = entries_.find(number);
  forget(*entry);
  if (lane.gap && *lane.gap > number) {
    entries_.erase(entry);
    return;
  }
  if (lane.gap) entries_.erase(*lane.gap);
  lane.gap = number;
  entry->second = Entry{Frame(), &lane, {}, false};
}

void Backlog::let_go(Entries::iterator entry) noexcept {
  forget(*entry);
  entries_.erase(entry);
}

// Everywhere but among the entries.
void Backlog::forget(const Entries::value_type& entry) noexcept {
  const auto& [number, message] = entry;
  const std::size_t cost = cost_of(message.frame, message.key);
  Lane* const lane = message.lane;
  total_.bytes.fetch_sub(cost, std::memory_order_relaxed);
  if (message.droppable) {
    droppable_bytes_ -= cost;
    --droppable_messages_;
    lane->droppable_bytes -= cost;
    lane->droppable.erase(number);
    if (const auto latest = lane->latest.find(message.key); latest != lane->latest.end() && latest->second == number) {
      lane->latest.erase(latest);
    }
  } else {
    kept_bytes_ -= cost;
    if (lane) lane->kept.erase(number);
  }
}

void Backlog::forget_if_idle(Lane* lane) {
  if (lane && lane->kept.empty() && lane->droppable.empty() && !lane->gap) lanes_.erase(std::string(lane->group));
}

}  // namespace sluice
