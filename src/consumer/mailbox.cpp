// SPDX-License-Identifier: MIT
#include "consumer/mailbox.hpp"

namespace sluice {

std::optional<Mail> Mailbox::take() {
  if (!lanes_) return std::nullopt;
  const bool from_layer = lanes_->client.empty() || (lanes_->layer_next && !lanes_->layer.empty());
  auto& queue = from_layer ? lanes_->layer : lanes_->client;
  std::optional<Mail> mail(std::move(queue.front()));
  queue.pop_front();
  lanes_->layer_next = !from_layer;
  if (lanes_->client.empty() && lanes_->layer.empty()) lanes_.reset();
  return mail;
}

Frame* Mailbox::last_passing_frame() noexcept {
  if (!lanes_ || lanes_->layer.empty()) return nullptr;
  auto* passing = std::get_if<PassingBroadcast>(&lanes_->layer.back());
  return passing ? &passing->frame : nullptr;
}

void Mailbox::drop_layer() noexcept {
  if (!lanes_) return;
  lanes_->layer.clear();
  if (lanes_->client.empty()) lanes_.reset();
}

}  // namespace sluice
