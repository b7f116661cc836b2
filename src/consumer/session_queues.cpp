// SPDX-License-Identifier: MIT
#include "consumer/session_queues.hpp"

#include <utility>

namespace sluice::SLUICE_ABI {

SessionQueues::SessionQueues(std::shared_ptr<HostState> host, std::shared_ptr<Connection> connection,
                             LiveSessions& home)
    : host_(std::move(host)), client_(std::move(connection)), slot_(home) {}

void SessionQueues::leave_groups() {
  if (channel_) channel_.leave_groups();
}

// ---------------------------------------------------------------- to the consumer

// For observers only: without any, no clock is read.
Mailbox::Time SessionQueues::arrival() const { return host_->observers ? home().executor().now() : Mailbox::Time(); }

void SessionQueues::put_client(Mail mail) {
  const std::size_t before = held_bytes();
  mailbox_.put_client(std::move(mail), arrival(), host_->held);
  slot_.holds_more(before, held_bytes(), host_->held);
}

void SessionQueues::put_layer(Mail mail) {
  const std::size_t before = held_bytes();
  mailbox_.put_layer(std::move(mail), arrival(), host_->held);
  slot_.holds_more(before, held_bytes(), host_->held);
}

// Events that arrive at an idle consumer within one turn do not wait for a handler: only their bytes are bounded.
bool SessionQueues::has_room_for(const Event& event) const noexcept {
  const bool too_many =
      handler_.waits() && mailbox_.events() >= (channel_ ? channel_.capacity() : ChannelLayerOptions().capacity);
  return !too_many && mailbox_.layer_bytes() + event.memory() <= limits().queued_bytes;
}

void SessionQueues::put_end(const CloseReason& reason) noexcept {
  try {
    mailbox_.put_client(Mail(Closed{reason}), arrival(), host_->held);
  } catch (...) {
    end_waits_ = true;
  }
}

RunningHandler* SessionQueues::take_mail() {
  if (!has_mail()) return nullptr;
  RunningHandler& running = handler_.prepare(home());  // first: without memory for it the mail would be lost
  const std::size_t before = held_bytes();
  if (auto mail = mailbox_.take()) {
    running.mail = std::move(mail->mail);
    running.arrived = mail->arrived;
  } else {
    running.mail = Closed{CloseReason(close_code::abnormal)};
    running.arrived = {};
    end_waits_ = false;
  }
  slot_.held_changed(before, held_bytes());
  return &running;
}

bool SessionQueues::read_on() {
  if (!client_.paused() || client_.closed() || mailbox_.client_size() > 0) return false;
  return client_.resume_reading();
}

void SessionQueues::unshare() { mailbox_.unshare(home().frames()); }

// ---------------------------------------------------------------- to the client

SessionQueues::Next SessionQueues::queue(const DeliveryRun& run) {
  DeliveryQueue& delivery = client_.delivery();
  if (idle() && client_.accepted()) return delivery.deliver(run, context());
  const WhenSlow when_slow = delivery.policy_of(run.group);
  // Before accept() none may be missed: the client cannot be notified of a gap yet.
  const WhenSlow at_a_bound = client_.accepted() ? when_slow : WhenSlow::close;
  switch (delivery.admit(run.joined.size(), at_a_bound, mailbox_.layer_bytes(), limits())) {
    case DeliveryQueue::Admission::wait: put_broadcasts(run, when_slow); break;
    case DeliveryQueue::Admission::miss:
      if (!delivery.has_missed()) put_layer(Mail(Missed()));
      delivery.miss(run, *host_);
      break;
    case DeliveryQueue::Admission::close_slow_client: return Next::close_busy_consumer;
  }
  return Next::nothing;
}

void SessionQueues::put_broadcasts(const DeliveryRun& run, WhenSlow when_slow) {
  if (when_slow != WhenSlow::close) {  // separately, as each has its key
    for (const Delivery& delivery : run.deliveries) {
      put_layer(Mail(PassingBroadcast{delivery.frame, std::string(run.group), std::string(delivery.key), when_slow}));
    }
  } else if (const std::size_t before = held_bytes(); mailbox_.join_passing(run.group, when_slow, run.joined)) {
    slot_.holds_more(before, held_bytes(), host_->held);
  } else {
    put_layer(Mail(PassingBroadcast{run.joined, std::string(run.group), {}, when_slow}));
  }
  pump_soon();
  slot_.unshare_soon();
}

SessionQueues::Next SessionQueues::send(const PassingBroadcast& passing) {
  DeliveryQueue& delivery = client_.delivery();
  const DeliveryQueue::Context now = context();
  if (!client_.connected() || !now.in_group(passing.group)) {
    host_->drop(MailDrop::after_close);
  } else if (delivery.take_credit(passing.frame)) {
    delivery.connection().send(passing.frame);
  } else {
    return delivery.send(passing.frame, passing.group, passing.when_slow, passing.key, now);
  }
  return Next::nothing;
}

// ---------------------------------------------------------------- memory

void SessionQueues::hold_handler() {
  const std::size_t before = held_bytes();
  handler_.count_held(host_->held);
  slot_.holds_more(before, held_bytes(), host_->held);
}

}  // namespace sluice::SLUICE_ABI
