// SPDX-License-Identifier: MIT
// What a session holds, and how it ends when that is too much; see session.hpp.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "consumer/session.hpp"

namespace sluice {

// Whatever numbers a consumer gives, the session subtracts what it has added.
void Session::kept_changed() {
  if (kept_uncounted_) return;
  constexpr std::size_t most = std::numeric_limits<std::uint32_t>::max();
  const std::size_t now = std::min(kept_bytes(), most);
  const std::size_t before = std::exchange(consumer_->kept_counted_, static_cast<std::uint32_t>(now));
  host_->held.add(now);
  host_->held.subtract(before);
  home_.note_keeper(*this, now);
  if (now > before && host_->held.too_many()) home_.shed_soon(self());
}

void Session::stop_counting_kept() noexcept {
  if (kept_uncounted_) return;
  kept_uncounted_ = true;
  if (consumer_) host_->held.subtract(std::exchange(consumer_->kept_counted_, 0));
}

// It holds more than before.
void Session::hold(std::size_t before) {
  home_.note_holder(*this, before, held_bytes());
  if (host_->held.too_many()) home_.shed_soon(self());
}

void Session::overflow(std::string_view why) noexcept {
  count(host_->counters.mailbox_overflows);
  home_.rare_log().write(LogLevel::warning, why, [&] {
    return fmt::format("{} [{}]: too many {}, closed with 1013", scope_.quoted_path(), channel_name(), why);
  });
  shut_soon();
}

// An event for it is lost, for want of memory mostly. Its client comes again, and fetches what it shows.
void Session::missed() noexcept {
  count(host_->counters.missed_events);
  if (closing_ || closed_) return;
  home_.rare_log().write(LogLevel::error, "missed", [&] {
    return fmt::format("{} [{}]: an event for this consumer was lost, closed with 1013", scope_.quoted_path(),
                       channel_name());
  });
  shut_soon();
}

// Called while the hub walks through a group, so that leaving the group is a job of its own.
void Session::shut_soon() noexcept {
  static const CloseReason& reason = *new CloseReason(close_code::try_again_later, "too slow");  // needs no memory here
  closing_ = true;
  mailbox_.drop_layer();
  delivery_.drop_waiting();
  try {
    executor().post([kept = self()] {
      if (!kept->closed_) kept->shut(reason, 503);
    });
  } catch (...) {  // the groups are left when the connection says that it is gone
    close_connection(reason, 503);
  }
}

void Session::shed() noexcept {
  if (phase_ == Phase::over) return;
  count(host_->counters.shed_consumers);
  home_.rare_log().write(LogLevel::warning, "shed", [&] {
    return fmt::format(
        "{} [{}]: consumers hold more than Limits::server_held_bytes, and this one {} bytes of it: closed with 1013, "
        "its handler destroyed",
        scope_.quoted_path(), channel_name(), held_bytes() + kept_bytes());
  });
  stop_counting_kept();  // it is released with the connection
  const auto kept = self();
  guarded([this] {
    end(CloseReason(close_code::try_again_later, "server busy"), 503);
    mailbox_.drop_layer();
    mailbox_.drop_messages();
    if (!busy_) return;
    count(host_->counters.destroyed_handlers);
    destroy_handler();
  });
}

}  // namespace sluice
