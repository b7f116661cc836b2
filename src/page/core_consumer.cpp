// SPDX-License-Identifier: MIT
#include "sluice/page/core_consumer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "page/messages.hpp"
#include "page/recheck_line.hpp"
#include "page/subscriptions.hpp"
#include "sluice/core/log.hpp"
#include "sluice/page/broadcasts.hpp"

namespace sluice::SLUICE_ABI {

using namespace page_messages;
using Counter = PageRegistry::Counter;

CoreConsumer::CoreConsumer(std::shared_ptr<PageRegistry> pages, CoreConsumerOptions options)
    : registry_(std::move(pages)), options_(options), pages_(std::make_unique<Subscriptions>()) {
  if (!registry_) throw std::invalid_argument("CoreConsumer: it needs a page registry");
  if (options_.heartbeat < std::chrono::seconds(1) || options_.heartbeat > std::chrono::hours(1)) {
    throw std::invalid_argument("CoreConsumer: a heartbeat is 1 s to 1 h");
  }
  if (options_.rechecks_at_once == 0) {
    throw std::invalid_argument("CoreConsumer: with rechecks_at_once 0 no permission is ever rechecked");
  }
}

CoreConsumer::~CoreConsumer() = default;

Task<> CoreConsumer::connect() {
  read_accepts();
  if (scope().user()) {
    // Join before the client is notified, as later broadcasts must arrive, and before the handshake is answered: a
    // client that is accepted and then closed reconnects at once, for ever (behaviour FE-9).
    auto joined = co_await group_add(users_group);
    if (!joined) {
      log(LogLevel::error, fmt::format("core consumer: {}", joined.error().message()));
      deny(Denial(503, "Try again later.\n"));
      co_return;
    }
  }
  greet();
}

Task<> CoreConsumer::receive_invalid(const Message& message, const Error& error) {
  if (error.code() != ErrorCode::number_too_large) return JsonConsumer::receive_invalid(message, error);
  registry_->count(Counter::ignored);
  return {};
}

const EventHandlers& CoreConsumer::event_handlers() const {
  static const auto handlers = EventHandlers{}
                                   .on<UsersRemovedFromPermissionGroup>(&CoreConsumer::users_removed)
                                   .on<ForceDisconnectUsers>(&CoreConsumer::force_disconnect)
                                   .on<RecheckPages>(&CoreConsumer::recheck)
                                   .on<LayerUp>(&CoreConsumer::layer_up);
  return handlers;
}

// --- missed broadcasts

Task<> CoreConsumer::on_gap(const Gap& gap) {
  if (gap.dropped == 0) return {};  // it has the newest of each key
  UpdatesMissedOfPages missed;
  for (const auto number : pages_->needing(gap.group)) {
    const Subscription& page = pages_->at(number);
    if (page.group == gap.group) missed.pages.push_back({page.type->type(), page.parameters.received()});
  }
  if (missed.pages.empty()) {
    say(UpdatesMissed{});
  } else {
    say(missed);
  }
  return {};
}

// --- revocations

Task<> CoreConsumer::users_removed(const UsersRemovedFromPermissionGroup& event) {
  complain(event.event_type, event.odd);
  if (!is_me(event.user_ids_to_remove)) co_return;
  for (const auto number : pages_->needing(event.permission_group_name)) {
    if (pages_->at(number).permission_group == event.permission_group_name) co_await evict(number);
  }
}

Task<> CoreConsumer::recheck(const RecheckPages& event) { return ask_again(pages_->needing(event.group)); }

// The consumer is busy until the last answer, so that broadcasts wait and never reach a page that is revoked. Many
// clients take turns.
Task<> CoreConsumer::ask_again(std::vector<std::uint64_t> numbers) {
  for (const auto number : numbers) {
    RecheckLine::Place place(*Executor::current(), options_.rechecks_at_once);
    if (place.waits()) {
      const PageRegistry::WaitingRecheck counted(*registry_);
      const auto woken = place.woken();
      co_await woken;
      if (!connected()) co_return;
    }
    registry_->count(Counter::rechecked);
    const Permission permission = co_await ask(pages_->at(number));
    if (!connected()) co_return;
    if (permission == Permission::unknown) co_return end_without_answer(close_code::internal_error);
    if (permission == Permission::refused) co_await evict(number);
  }
}

Task<> CoreConsumer::evict(std::uint64_t number) {
  const Subscription page = take_page(number);
  registry_->count(Counter::evicted);
  co_await leave(page);
  // The client does not know the name of a page type that was unregistered meanwhile (behaviour CC-21).
  if (!connected() || !registry_->find(page.type->type())) co_return;
  confirm_discard(page.type->type(), page.parameters.received(), true);
}

Task<> CoreConsumer::force_disconnect(const ForceDisconnectUsers& event) {
  complain(event.event_type, event.odd);
  if (!is_me(event.user_ids)) return {};
  if (event.ignore_web_socket_ids) {
    for (const auto& ignored : *event.ignore_web_socket_ids) {
      if (ignored && !ignored->empty() && *ignored == scope().web_socket_id()) return {};
    }
  }
  say(ForceDisconnect{});
  close();
  return {};
}

Task<> CoreConsumer::layer_up(const LayerUp&) {
  if (options_.tell_gaps) say(UpdatesMissed{});
  return ask_again(pages_->all());  // the missed events may include a revocation
}

bool CoreConsumer::is_me(const std::vector<UserId>& users) const noexcept {
  const User* user = scope().user();
  return user && !user->anonymous() && std::ranges::find(users, user->id()) != users.end();
}

// Invalid members of a list are skipped; the revocation still applies to the users it names.
void CoreConsumer::complain(std::string_view event, std::string_view odd) {
  if (!odd.empty()) registry_->report(fmt::format("event \"{}\": {}, left out", event, odd));
}

}  // namespace sluice::SLUICE_ABI
