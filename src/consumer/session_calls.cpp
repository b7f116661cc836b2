// SPDX-License-Identifier: MIT
// What a consumer asks of its session.
#include <fmt/format.h>

#include <stdexcept>

#include "consumer/alarms.hpp"
#include "consumer/session.hpp"

namespace sluice {

// What another thread does here nobody would see, until it crashes far from its cause.
void Session::must_run_here(std::string_view call) const {
  if (executor().runs_here()) return;
  throw std::logic_error(fmt::format(
      "{} from outside the consumer's executor: from there send the consumer an event, by its channel_name()", call));
}

void Session::accept(const Acceptance& acceptance) {
  if (closing_ || closed_) return;
  must_run_here("accept()");
  if (answer_ != Answer::none) throw std::logic_error("accept(): the handshake is answered already");
  const std::string& chosen = acceptance.subprotocol();
  if (!chosen.empty() && !scope_.offers_subprotocol(chosen)) {
    throw std::invalid_argument(fmt::format("accept(): the client did not offer the subprotocol \"{}\"", chosen));
  }
  answer_ = Answer::accepted;
  count(host_->counters.accepted);
  delivery_.connection().accept(acceptance);
}

void Session::deny(const Denial& denial) {
  if (closing_ || closed_) return;
  must_run_here("deny()");
  if (answer_ != Answer::none) throw std::logic_error("deny(): the handshake is answered already; close() it");
  if (denial.http_status() < 300 || denial.http_status() > 599) {
    throw std::invalid_argument(fmt::format("deny(): {} is no HTTP status to refuse with", denial.http_status()));
  }
  answer_ = Answer::denied;
  count(host_->counters.denied);
  closing_ = true;
  delivery_.connection().deny(denial);
  if (channel_) channel_.leave_groups();
}

void Session::send(MessageKind kind, std::string_view data) {
  if (closing_ || closed_) return count(host_->counters.sends_after_close);
  must_run_here("send()");
  if (answer_ != Answer::accepted) throw std::logic_error("send(): accept() comes first");
  const Frame frame = home_.frames().encode(kind, data);
  if (delivery_.take_credit(frame)) return delivery_.connection().send(frame);
  go_on_with(delivery_.send(frame, {}, WhenSlow::close, {}, delivery_context()));
}

void Session::close(const CloseReason& reason) {
  if (!may_be_sent(reason.code())) {
    throw std::invalid_argument(
        fmt::format("close(): {} is no code that may be sent (RFC 6455 section 7.4)", reason.code()));
  }
  if (reason.text().size() > max_close_text_bytes) {
    throw std::invalid_argument(
        fmt::format("close(): the reason has {} bytes, at most {} fit", reason.text().size(), max_close_text_bytes));
  }
  if (closing_ || closed_) return;
  must_run_here("close()");
  if (answer_ == Answer::none) count(host_->counters.denied);
  end(reason, 403);
}

Task<Result<void>> Session::group_add(std::string_view group) {
  if (!channel_)
    return Error(ErrorCode::layer_unavailable, fmt::format("group_add \"{}\": the host has no layer", group));
  if (closing_ || closed_) {
    return Error(ErrorCode::channel_closed, fmt::format("group_add \"{}\": the connection has ended", group));
  }
  must_run_here("group_add()");
  return host_->layer->group_add(group, channel_);
}

Task<Result<void>> Session::group_add(std::string_view group, WhenSlow when_slow) {
  const bool may_join = channel_ && !closing_ && !closed_;
  if (may_join) must_run_here("group_add()");
  if (!may_join || (when_slow == WhenSlow::close && !delivery_.may_drop())) return group_add(group);
  delivery_.set_policy(group, when_slow);
  auto joining = group_add(group);
  if (!joining.await_ready()) return finish_joining(group, std::move(joining));
  auto joined = joining.take();
  if (!joined) forget_policy(group);
  return joined;
}

Task<Result<void>> Session::finish_joining(std::string_view group, Task<Result<void>> joining) {
  auto joined = co_await joining;
  if (!joined) forget_policy(group);
  co_return joined;
}

// A group that could not be joined leaves no policy behind: whoever makes up names must not fill the memory.
void Session::forget_policy(std::string_view group) {
  if (!channel_.in_group(group)) delivery_.leave(group);
}

// From here on nothing of the group reaches the client, so nothing of it need wait.
Task<Result<void>> Session::group_discard(std::string_view group) {
  if (!closing_ && !closed_) must_run_here("group_discard()");
  count(host_->counters.dropped_at_close, delivery_.leave(group));
  if (!channel_)
    return Error(ErrorCode::layer_unavailable, fmt::format("group_discard \"{}\": the host has no layer", group));
  return host_->layer->group_discard(group, channel_);
}

void Session::hear_later(std::chrono::nanoseconds delay, Event event) {
  if (closing_ || closed_) return;
  must_run_here("hear_later()");
  has_alarms_ = true;
  executor().local<Alarms>().add(self(), delay, std::move(event));
}

// Whoever has kept something for the same handler keeps it: a consumer and the layers below it each have their own.
void Session::keep_until_handled(std::shared_ptr<const void> referred, std::size_t bytes) {
  RunningHandler& at_work = work();
  auto& kept = at_work.argument;
  if (kept) referred = std::make_shared<std::pair<decltype(referred), decltype(referred)>>(kept, std::move(referred));
  kept = std::move(referred);
  at_work.argument_bytes += bytes;
}

ChannelLayer& Session::layer() const {
  if (!host_->layer) throw std::logic_error("layer(): the host has no channel layer: give Host one");
  return *host_->layer;
}

}  // namespace sluice
