// SPDX-License-Identifier: MIT
#include "consumer/mailbox.hpp"

namespace sluice::SLUICE_ABI {
namespace {

// A list's node, the strings of a broadcast, the header of its chunk, about.
constexpr std::size_t beside_its_bytes = 256;

}  // namespace

std::size_t cost_of(const Mail& mail) noexcept {
  if (const auto* message = std::get_if<Message>(&mail)) return message->data().size() + beside_its_bytes;
  if (const auto* event = std::get_if<Event>(&mail)) return event->memory() + beside_its_bytes;
  if (const auto* passing = std::get_if<PassingBroadcast>(&mail)) {
    return passing->frame.size() + passing->key.size() + beside_its_bytes;
  }
  return beside_its_bytes;
}

void Mailbox::put_client(Mail mail, Time arrived, HeldBytes& held) {
  Queues& to = queues(held);
  try {
    to.client.push_back({std::move(mail), arrived});
  } catch (...) {
    forget_if_empty();
    throw;
  }
  const std::size_t cost = cost_of(to.client.back().mail);
  to.client_bytes += cost;
  held.add(cost);
}

void Mailbox::put_layer(Mail mail, Time arrived, HeldBytes& held) {
  Queues& to = queues(held);
  try {
    to.layer.push_back({std::move(mail), arrived});
  } catch (...) {
    forget_if_empty();
    throw;
  }
  const auto put = std::prev(to.layer.end());
  if (std::holds_alternative<Event>(put->mail)) ++to.events;
  if (to.first_shared == to.layer.end() && std::holds_alternative<PassingBroadcast>(put->mail)) to.first_shared = put;
  const std::size_t cost = cost_of(put->mail);
  to.layer_bytes += cost;
  held.add(cost);
}

std::optional<Mailbox::Piece> Mailbox::take() noexcept {
  if (!queues_) return std::nullopt;
  Queues& from = *queues_;
  const bool from_layer = from.client.empty() || (from.layer_next && !from.layer.empty());
  Queue& queue = from_layer ? from.layer : from.client;
  const std::size_t cost = cost_of(queue.front().mail);
  (from_layer ? from.layer_bytes : from.client_bytes) -= cost;
  from.held.subtract(cost);
  if (from_layer && from.first_shared == queue.begin()) ++from.first_shared;
  std::optional<Piece> piece(std::move(queue.front()));
  queue.pop_front();
  if (std::holds_alternative<Event>(piece->mail)) --from.events;
  from.layer_next = !from_layer;
  forget_if_empty();
  return piece;
}

bool Mailbox::join_passing(std::string_view group, WhenSlow when_slow, const Frame& frame) noexcept {
  if (!queues_ || queues_->layer.empty()) return false;
  auto* const last = std::get_if<PassingBroadcast>(&queues_->layer.back().mail);
  if (!last || last->when_slow != when_slow || last->group != group || !last->frame.extend(frame)) return false;
  queues_->layer_bytes += frame.size();
  queues_->held.add(frame.size());
  return true;
}

void Mailbox::unshare(FrameBuffer& frames) {
  if (!queues_) return;
  for (auto& at = queues_->first_shared; at != queues_->layer.end(); ++at) {
    if (auto* const passing = std::get_if<PassingBroadcast>(&at->mail))
      passing->frame = frames.unshared(passing->frame);
  }
}

void Mailbox::drop_layer() noexcept {
  if (!queues_) return;
  queues_->layer.clear();
  queues_->first_shared = queues_->layer.end();
  queues_->held.subtract(queues_->layer_bytes);
  queues_->events = queues_->layer_bytes = 0;
  forget_if_empty();
}

void Mailbox::drop_messages() noexcept {
  if (!queues_) return;
  for (auto at = queues_->client.begin(); at != queues_->client.end();) {
    if (!std::holds_alternative<Message>(at->mail)) {
      ++at;
      continue;
    }
    const std::size_t cost = cost_of(at->mail);
    queues_->client_bytes -= cost;
    queues_->held.subtract(cost);
    at = queues_->client.erase(at);
  }
  forget_if_empty();
}

}  // namespace sluice::SLUICE_ABI
