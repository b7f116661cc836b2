// SPDX-License-Identifier: MIT
#include "consumer/backlog.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace sluice::SLUICE_ABI {
namespace {

// The overhead of a message, about: entries in the maps and the chunk's header.
constexpr std::size_t beside_a_frame = 256;

std::size_t cost_of(const Frame& frame, std::string_view key) noexcept {
  return frame.size() + key.size() + beside_a_frame;
}

}  // namespace

bool Backlog::keep(const Frame& frame, std::string_view group, std::size_t elsewhere) {
  const std::size_t cost = cost_of(frame, {});
  if (elsewhere + bytes() + cost > bounds_.all || !total_.holds(cost)) return false;
  Entry entry{frames_.unshared(frame), group.empty() ? nullptr : &queue_of(group), {}, false};
  add(std::move(entry), entry.queue ? &entry.queue->kept : nullptr);
  kept_bytes_ += cost;
  total_.bytes.fetch_add(cost, std::memory_order_relaxed);
  ++next_;
  return true;
}

// Adds it as number next_. Without memory nothing has changed.
void Backlog::add(Entry entry, std::set<Number>* numbers) {
  GroupQueue* const queue = entry.queue;
  try {
    const auto added = entries_.emplace_hint(entries_.end(), next_, std::move(entry));
    try {
      if (numbers) numbers->insert(numbers->end(), next_);
    } catch (...) {
      entries_.erase(added);
      throw;
    }
  } catch (...) {
    forget_if_idle(queue);
    throw;
  }
}

Backlog::Losses Backlog::put(const Frame& frame, std::string_view group, WhenSlow policy, std::string_view key,
                             std::size_t elsewhere) {
  assert(policy != WhenSlow::close && "what must not be dropped is kept");
  GroupQueue& queue = queue_of(group);
  const std::size_t cost = cost_of(frame, key);
  Losses losses;
  if (policy == WhenSlow::keep_latest) {
    if (const auto older = queue.latest.find(std::string(key)); older != queue.latest.end()) {
      ++queue.superseded;
      ++losses.superseded;
      drop(queue, older->second);
    }
  }
  const bool oldest_give_way = policy != WhenSlow::drop_newest;
  const bool silent = !oldest_give_way && queue.dropped > 0;  // until the client is notified of the gap
  if (silent || !fits(cost, elsewhere, oldest_give_way ? queue.droppable_bytes : 0,
                      oldest_give_way ? queue.droppable.size() : 0)) {
    drop_new(queue, 1);
    ++losses.dropped;
    return losses;
  }
  while (!fits(cost, elsewhere, 0, 0)) {
    ++queue.dropped;
    ++losses.dropped;
    drop(queue, *queue.droppable.begin());
  }
  add({frames_.unshared(frame), &queue, std::string(key), true}, &queue.droppable);
  queue.droppable_bytes += cost;
  droppable_bytes_ += cost;
  total_.bytes.fetch_add(cost, std::memory_order_relaxed);
  ++droppable_messages_;
  if (policy == WhenSlow::keep_latest) {
    try {
      queue.latest.emplace(key, next_);
    } catch (...) {  // the message waits, and no newer one will supersede it
    }
  }
  ++next_;
  return losses;
}

void Backlog::miss(std::string_view group, std::uint64_t messages) { drop_new(queue_of(group), messages); }

std::size_t Backlog::leave(std::string_view group) {
  const auto found = groups_.find(std::string(group));
  if (found == groups_.end()) return 0;
  GroupQueue& queue = found->second;
  const std::size_t waited = queue.kept.size() + queue.droppable.size();
  while (!queue.kept.empty()) remove(entries_.find(*queue.kept.begin()));
  while (!queue.droppable.empty()) remove(entries_.find(*queue.droppable.begin()));
  if (queue.gap) entries_.erase(*queue.gap);
  groups_.erase(found);
  return waited;
}

Backlog::Waiting Backlog::take_message() {
  assert(!empty() && !gap_is_next() && "a message is next");
  const auto first = entries_.begin();
  GroupQueue* const queue = first->second.queue;
  Waiting taken{first->second.frame, queue ? std::string(queue->group) : std::string()};
  remove(first);
  forget_if_idle(queue);
  return taken;
}

Gap Backlog::take_gap() {
  assert(gap_is_next() && "a gap is next");
  const auto first = entries_.begin();
  GroupQueue* const queue = first->second.queue;
  Gap gap{std::string(queue->group), std::exchange(queue->dropped, 0), std::exchange(queue->superseded, 0)};
  queue->gap.reset();
  entries_.erase(first);
  forget_if_idle(queue);
  return gap;
}

Backlog::GroupQueue& Backlog::queue_of(std::string_view group) {
  const auto [entry, added] = groups_.try_emplace(std::string(group));
  if (added) entry->second.group = entry->first;
  return entry->second;
}

// True if it would fit after this much droppable data is removed.
bool Backlog::fits(std::size_t cost, std::size_t elsewhere, std::size_t freed_bytes,
                   std::size_t freed_messages) const noexcept {
  const std::size_t droppable = droppable_bytes_ - freed_bytes + cost;
  return droppable <= bounds_.droppable_bytes && elsewhere + kept_bytes_ + droppable <= bounds_.all &&
         droppable_messages_ - freed_messages < bounds_.droppable_messages &&
         total_.holds(cost - std::min(cost, freed_bytes));
}

// Moves the gap behind all waiting messages.
void Backlog::drop_new(GroupQueue& queue, std::uint64_t messages) {
  if (queue.gap) {
    auto gap = entries_.extract(*queue.gap);
    gap.key() = next_;
    entries_.insert(std::move(gap));
  } else {
    entries_.emplace_hint(entries_.end(), next_, Entry{Frame(), &queue, {}, false});
  }
  queue.gap = next_++;
  queue.dropped += messages;
}

// The gap takes the place of the message, unless it is behind it. It needs no memory.
void Backlog::drop(GroupQueue& queue, Number number) noexcept {
  const auto entry = entries_.find(number);
  forget(*entry);
  if (queue.gap && *queue.gap > number) {
    entries_.erase(entry);
    return;
  }
  if (queue.gap) entries_.erase(*queue.gap);
  queue.gap = number;
  entry->second = Entry{Frame(), &queue, {}, false};
}

void Backlog::remove(Entries::iterator entry) noexcept {
  forget(*entry);
  entries_.erase(entry);
}

// Removes it everywhere except from the entries.
void Backlog::forget(const Entries::value_type& entry) noexcept {
  const auto& [number, message] = entry;
  const std::size_t cost = cost_of(message.frame, message.key);
  GroupQueue* const queue = message.queue;
  total_.bytes.fetch_sub(cost, std::memory_order_relaxed);
  if (message.droppable) {
    droppable_bytes_ -= cost;
    --droppable_messages_;
    queue->droppable_bytes -= cost;
    queue->droppable.erase(number);
    if (const auto latest = queue->latest.find(message.key);
        latest != queue->latest.end() && latest->second == number) {
      queue->latest.erase(latest);
    }
  } else {
    kept_bytes_ -= cost;
    if (queue) queue->kept.erase(number);
  }
}

void Backlog::forget_if_idle(GroupQueue* queue) {
  if (queue && queue->kept.empty() && queue->droppable.empty() && !queue->gap) groups_.erase(std::string(queue->group));
}

}  // namespace sluice::SLUICE_ABI
