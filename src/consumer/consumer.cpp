// SPDX-License-Identifier: MIT
#include "sluice/consumer/consumer.hpp"

#include <utility>

#include "consumer/session.hpp"

namespace sluice {

Task<> Consumer::connect() {
  accept();
  return {};
}

Task<> Consumer::receive(const Message&) { return {}; }

Task<> Consumer::on_stop() { return {}; }

Task<> Consumer::disconnect(const CloseReason&) { return {}; }

Task<> Consumer::on_gap(const Gap&) { return {}; }

const EventHandlers& Consumer::event_handlers() const {
  static const EventHandlers none;
  return none;
}

void Consumer::accept(const Acceptance& acceptance) { session_->accept(acceptance); }
void Consumer::deny(const Denial& denial) { session_->deny(denial); }
void Consumer::send(MessageKind kind, std::string_view data) { session_->send(kind, data); }
void Consumer::close(const CloseReason& reason) { session_->close(reason); }
Task<Result<void>> Consumer::group_add(std::string_view group) { return session_->group_add(group); }
Task<Result<void>> Consumer::group_add(std::string_view group, WhenSlow when_slow) {
  return session_->group_add(group, when_slow);
}
Task<Result<void>> Consumer::group_discard(std::string_view group) { return session_->group_discard(group); }
void Consumer::keep_until_handled(std::shared_ptr<const void> referred) {
  session_->keep_until_handled(std::move(referred));
}
const Scope& Consumer::scope() const noexcept { return session_->scope(); }
std::string Consumer::channel_name() const { return session_->channel_name(); }
ChannelLayer& Consumer::layer() const { return session_->layer(); }
const Limits& Consumer::limits() const noexcept { return session_->limits(); }
void Consumer::limit_met() noexcept { session_->limit_met(); }
bool Consumer::connected() const noexcept { return session_->connected(); }

}  // namespace sluice
