// SPDX-License-Identifier: MIT
#include "sluice/consumer/consumer.hpp"

#include <stdexcept>
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

Session& Consumer::session() const {
  if (session_) return *session_;
  throw std::logic_error("a consumer has no connection before connect(): what its constructor needs, hand it over");
}

void Consumer::accept(const Acceptance& acceptance) { session().accept(acceptance); }
void Consumer::deny(const Denial& denial) { session().deny(denial); }
void Consumer::send(MessageKind kind, std::string_view data) { session().send(kind, data); }
void Consumer::close(const CloseReason& reason) { session().close(reason); }
Task<Result<void>> Consumer::group_add(std::string_view group) { return session().group_add(group); }
Task<Result<void>> Consumer::group_add(std::string_view group, WhenSlow when_slow) {
  return session().group_add(group, when_slow);
}
Task<Result<void>> Consumer::group_discard(std::string_view group) { return session().group_discard(group); }
void Consumer::hear_later(std::chrono::nanoseconds delay, Event event) {
  session().hear_later(delay, std::move(event));
}
void Consumer::keep_until_handled(std::shared_ptr<const void> referred, std::size_t bytes) {
  session().keep_until_handled(std::move(referred), bytes);
}
const Scope& Consumer::scope() const { return session().scope(); }
std::string Consumer::channel_name() const { return session().channel_name(); }
ChannelLayer& Consumer::layer() const { return session().layer(); }
const Limits& Consumer::limits() const { return session().limits(); }
void Consumer::kept_changed() { session().kept_changed(); }
void Consumer::limit_met() { session().limit_met(); }
bool Consumer::connected() const { return session().connected(); }

}  // namespace sluice
