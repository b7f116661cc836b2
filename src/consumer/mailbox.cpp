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

PassingBroadcast* Mailbox::last_passing() noexcept {
  return lanes_ && !lanes_->layer.empty() ? std::get_if<PassingBroadcast>(&lanes_->layer.back()) : nullptr;
}

void Mailbox::drop_layer() noexcept {
  if (!lanes_) return;
  lanes_->layer.clear();
  if (lanes_->client.empty()) lanes_.reset();
}

}  // namespace sluice
