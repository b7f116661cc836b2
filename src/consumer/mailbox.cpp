// SPDX-License-Identifier: MIT
#include "consumer/mailbox.hpp"

namespace sluice {

void Mailbox::put_layer(Mail mail) {
  Lanes& to = lanes();
  if (std::holds_alternative<Event>(mail)) ++to.events;
  if (const auto* passing = std::get_if<PassingBroadcast>(&mail)) to.passing_bytes += passing->frame.size();
  to.layer.push_back(std::move(mail));
}

std::optional<Mail> Mailbox::take() {
  if (!lanes_) return std::nullopt;
  const bool from_layer = lanes_->client.empty() || (lanes_->layer_next && !lanes_->layer.empty());
  auto& queue = from_layer ? lanes_->layer : lanes_->client;
  std::optional<Mail> mail(std::move(queue.front()));
  queue.pop_front();
  if (std::holds_alternative<Event>(*mail)) --lanes_->events;
  if (const auto* passing = std::get_if<PassingBroadcast>(&*mail)) lanes_->passing_bytes -= passing->frame.size();
  lanes_->layer_next = !from_layer;
  if (lanes_->client.empty() && lanes_->layer.empty()) lanes_.reset();
  return mail;
}

bool Mailbox::join_passing(std::string_view group, WhenSlow when_slow, const Frame& frame) noexcept {
  if (!lanes_ || lanes_->layer.empty()) return false;
  auto* const last = std::get_if<PassingBroadcast>(&lanes_->layer.back());
  if (!last || last->when_slow != when_slow || last->group != group || !last->frame.extend(frame)) return false;
  lanes_->passing_bytes += frame.size();
  return true;
}

void Mailbox::drop_layer() noexcept {
  if (!lanes_) return;
  lanes_->layer.clear();
  lanes_->events = lanes_->passing_bytes = 0;
  if (lanes_->client.empty()) lanes_.reset();
}

}  // namespace sluice
