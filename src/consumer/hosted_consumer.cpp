// SPDX-License-Identifier: MIT
#include "consumer/hosted_consumer.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <stdexcept>

namespace sluice::SLUICE_ABI {
namespace {

const UserId nobody;

// Marks a consumer whose memory is not counted any more; also one more than the largest count.
constexpr std::uint32_t uncounted = std::numeric_limits<std::uint32_t>::max();
constexpr std::size_t most_counted = uncounted - 1;

}  // namespace

void HostedConsumer::make(const ConsumerFactory& factory, Session& session) {
  consumer_ = factory(scope_);
  if (!consumer_) throw std::logic_error("the application's factory made no consumer");
  consumer_->bind(session);
}

Identity HostedConsumer::identity() const noexcept {
  return {scope_.web_socket_id(), scope_.user() ? scope_.user()->id() : nobody};
}

bool HostedConsumer::counts_kept() const noexcept { return consumer_ && consumer_->kept_counted_ != uncounted; }

// Whatever numbers a consumer returns, exactly the added amount is subtracted.
bool HostedConsumer::count_kept(HeldBytes& held) noexcept {
  const std::size_t before = consumer_->kept_counted_;
  const std::size_t now = std::min(kept_bytes(), most_counted);
  consumer_->kept_counted_ = static_cast<std::uint32_t>(now);
  held.add(now);
  held.subtract(before);
  return now > before;
}

void HostedConsumer::stop_counting_kept(HeldBytes& held) noexcept {
  if (counts_kept()) held.subtract(std::exchange(consumer_->kept_counted_, uncounted));
}

}  // namespace sluice::SLUICE_ABI
