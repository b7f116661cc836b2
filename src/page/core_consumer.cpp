// SPDX-License-Identifier: MIT
#include "sluice/page/core_consumer.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <exception>
#include <optional>
#include <stdexcept>
#include <utility>

#include "json/quoted.hpp"
#include "layer/names.hpp"
#include "page/messages.hpp"
#include "page/subscriptions.hpp"
#include "sluice/core/log.hpp"
#include "sluice/page/broadcasts.hpp"

namespace sluice {

using namespace page_messages;
using Counter = PageRegistry::Counter;

CoreConsumer::CoreConsumer(std::shared_ptr<PageRegistry> pages, CoreConsumerOptions options)
    : registry_(std::move(pages)), options_(options), pages_(std::make_unique<Subscriptions>()) {
  if (!registry_) throw std::invalid_argument("CoreConsumer: it needs a page registry");
}

CoreConsumer::~CoreConsumer() = default;

Task<> CoreConsumer::connect() {
  Authentication authentication;
  authentication.success = scope().user() != nullptr;
  if (!scope().web_socket_id().empty()) authentication.web_socket_id = scope().web_socket_id();
  if (authentication.success) {
    // Before the client hears that it is in: what is sent to it from then on must arrive. And before the handshake is
    // answered: a client that is accepted and then dropped comes back at once, for ever (behaviour FE-9).
    auto joined = co_await group_add(users_group);
    if (!joined) {
      log(LogLevel::error, fmt::format("core consumer: {}", joined.error().message()));
      deny(Denial(503, "Try again later.\n"));
      co_return;
    }
  }
  accept();
  say(authentication);
  if (!authentication.success) close();
}

Task<> CoreConsumer::receive_json(const json::Value& content) {
  const json::Value page = content["page"];
  const json::Value removed = content["remove_page"];
  if (!page && !removed) ignore();
  if (page) co_await subscribe(content, page);
  if (removed) co_await unsubscribe(content, removed);
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

// --- what the client asks for

Task<> CoreConsumer::subscribe(const json::Value& content, json::Value type) {
  if (!type.is_string()) {
    ignore();
    co_return;
  }
  auto wanted = requested(content, *type.as_string());
  if (!wanted) {
    refuse(content, type, wanted.error());
    co_return;
  }
  auto admitted = co_await admit(*wanted);
  if (!connected()) co_return;
  if (!admitted) {
    refuse(content, type, admitted.error());
    co_return;
  }
  registry_->count(Counter::added);
  PageAdd confirmation;
  confirmation.page = wanted->type->type();
  confirmation.parameters = wanted->parameters.received();
  say(confirmation);
  auto keeping = keep(std::move(*wanted));
  co_await keeping;
}

// A page that is there already may have moved to other groups, where its type was replaced by one that names them
// otherwise. Then the old ones are left.
Task<> CoreConsumer::keep(Subscription wanted) {
  const auto held = pages_->find(*wanted.type, wanted.parameters);
  if (!held) {
    pages_->add(std::move(wanted));
    co_return;
  }
  const Subscription& before = pages_->at(*held);
  if (before.group == wanted.group && before.permission_group == wanted.permission_group) co_return;
  const Subscription left = pages_->take(*held);
  pages_->add(std::move(wanted));
  co_await leave(left);
}

Task<> CoreConsumer::unsubscribe(const json::Value& content, json::Value type) {
  if (!type.is_string()) {
    ignore();
    co_return;
  }
  const auto page_type = registry_->find(*type.as_string());
  if (!page_type) {
    registry_->count(Counter::unknown_type);
    co_return;
  }
  const auto parameters = PageParameters::read(page_type->parameters(), content, options_.style);
  const auto number = parameters.fit() ? pages_->find(*page_type, parameters) : std::nullopt;
  if (number) {
    const Subscription page = pages_->take(*number);
    co_await leave(page);
  }
  // Also for a page that it never had (behaviour CC-19).
  PageDiscard confirmation;
  confirmation.page = page_type->type();
  confirmation.parameters = parameters.received();
  say(confirmation);
}

Result<Subscription> CoreConsumer::requested(const json::Value& content, std::string_view type) {
  Subscription wanted;
  wanted.type = registry_->find(type);
  if (!wanted.type) {
    if (registry_->stats().unknown_type == 0) {  // one that was never added to the registry looks just like it
      log(LogLevel::warning,
          fmt::format("{}: a client asked for the page type {}; there are: {} (said once)", scope().raw_path(),
                      json::in_quotes(type), fmt::join(registry_->types(), ", ")));
    }
    return Error(ErrorCode::unknown_page_type, "no such page type");
  }
  wanted.parameters = PageParameters::read(wanted.type->parameters(), content, options_.style);
  if (!wanted.parameters.fit()) return wanted.parameters.fit().error();
  if (pages_->size() >= limits().pages_per_connection && !pages_->find(*wanted.type, wanted.parameters)) {
    limit_met();
    return Error(ErrorCode::limit_exceeded, "the connection has as many pages as it may have");
  }
  try {
    wanted.group = wanted.type->group_name(wanted.parameters);
    wanted.permission_group = wanted.type->permission_group_name(wanted.parameters);
  } catch (const std::exception& error) {
    registry_->report(*wanted.type, fmt::format("a group's name threw: {}", error.what()));
    return Error(ErrorCode::refused, "the page has no group");
  } catch (...) {
    registry_->report(*wanted.type, "a group's name threw");
    return Error(ErrorCode::refused, "the page has no group");
  }
  auto named = check_group_name("group_name returned", wanted.group);
  if (named && !wanted.permission_group.empty()) {
    named = check_group_name("permission_group_name returned", wanted.permission_group);
  }
  if (!named) {
    registry_->report(*wanted.type, named.error().context());
    return Error(ErrorCode::refused, "the page has no group");
  }
  return wanted;
}

// The permission group first: a revocation that is sent while can_add looks at the permission waits in the mailbox, and
// takes the page away again (behaviour CC-6).
Task<Result<void>> CoreConsumer::admit(const Subscription& wanted) {
  Result<void> joined;
  bool allowed = false;
  if (!wanted.permission_group.empty()) joined = co_await group_add(wanted.permission_group);
  if (joined) allowed = co_await may_hear(wanted);
  if (allowed) joined = co_await join(wanted);
  if (allowed && joined) co_return Result<void>();

  if (!connected()) co_return Error(ErrorCode::channel_closed, "the connection is closing");
  const auto held = pages_->find(*wanted.type, wanted.parameters);
  if (!joined) {
    registry_->report(*wanted.type, joined.error().message());
  } else if (held) {
    co_await evict(*held);
  }
  co_await leave_unused(wanted.permission_group);
  co_return Error(ErrorCode::refused, "not for this client");
}

Task<Result<void>> CoreConsumer::join(const Subscription& wanted) {
  const auto when_slow = wanted.type->when_slow();
  return when_slow ? group_add(wanted.group, *when_slow) : group_add(wanted.group);
}

Task<bool> CoreConsumer::may_hear(const Subscription& page) {
  try {
    co_return co_await page.type->can_add(scope(), page.parameters);
  } catch (const std::exception& error) {
    registry_->report(*page.type, fmt::format("can_add threw: {}", error.what()));
  } catch (...) {
    registry_->report(*page.type, "can_add threw");
  }
  co_return false;
}

Task<> CoreConsumer::leave(const Subscription& page) {
  co_await leave_unused(page.group);
  co_await leave_unused(page.permission_group);
}

Task<> CoreConsumer::leave_unused(const std::string& group) {
  if (group.empty() || group == users_group || pages_->need(group)) co_return;
  auto left = co_await group_discard(group);
  if (left || !connected()) co_return;
  // What can't be left would still be heard; without its connection it is not.
  log(LogLevel::error, fmt::format("core consumer: {}", left.error().message()));
  close({close_code::internal_error, "a page could not be left"});
}

// --- what it missed

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

// --- what is taken from it

Task<> CoreConsumer::users_removed(const UsersRemovedFromPermissionGroup& event) {
  if (!is_me(event.user_ids_to_remove)) co_return;
  for (const auto number : pages_->needing(event.permission_group_name)) {
    if (pages_->at(number).permission_group == event.permission_group_name) co_await evict(number);
  }
}

Task<> CoreConsumer::recheck(const RecheckPages& event) {
  for (const auto number : pages_->needing(event.group)) {
    const bool allowed = co_await may_hear(pages_->at(number));
    if (!connected()) co_return;
    if (!allowed) co_await evict(number);
  }
}

Task<> CoreConsumer::evict(std::uint64_t number) {
  const Subscription page = pages_->take(number);
  registry_->count(Counter::evicted);
  co_await leave(page);
  // A page type that was unregistered meanwhile has no name that the client could know (behaviour CC-21).
  if (!connected() || !registry_->find(page.type->type())) co_return;
  PageDiscard notice;
  notice.page = page.type->type();
  notice.parameters = page.parameters.received();
  say(notice);
}

Task<> CoreConsumer::force_disconnect(const ForceDisconnectUsers& event) {
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
  return {};
}

bool CoreConsumer::is_me(const std::vector<UserId>& users) const noexcept {
  const User* user = scope().user();
  return user && !user->anonymous() && std::ranges::find(users, user->id()) != users.end();
}

void CoreConsumer::ignore() {
  registry_->count(Counter::ignored);
  if (options_.strict) close({close_code::policy_violation, "not a request for a page"});
}

void CoreConsumer::refuse(const json::Value& content, json::Value type, const Error& error) {
  const bool unknown = error.code() == ErrorCode::unknown_page_type;
  registry_->count(unknown ? Counter::unknown_type : Counter::refused);
  if (!options_.page_errors) return;
  const auto page_type = registry_->find(*type.as_string());
  PageError message;
  message.page = type;
  message.parameters =
      page_type ? PageParameters::read(page_type->parameters(), content, options_.style).received() : json::Text("{}");
  message.error = to_string(error.code());
  say(message);
}

}  // namespace sluice
