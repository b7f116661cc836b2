// SPDX-License-Identifier: MIT
// Requests of clients to a CoreConsumer: subscribe to a page, and unsubscribe.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <exception>
#include <optional>
#include <utility>

#include "core/failure.hpp"
#include "json/quoted.hpp"
#include "layer/names.hpp"
#include "page/messages.hpp"
#include "page/subscriptions.hpp"
#include "sluice/consumer/middleware.hpp"
#include "sluice/core/log.hpp"
#include "sluice/page/broadcasts.hpp"
#include "sluice/page/core_consumer.hpp"

namespace sluice::SLUICE_ABI {

using namespace page_messages;
using Counter = PageRegistry::Counter;

namespace {

// True if the frame has "type" because the page has a parameter of this name.
bool declares_type(const PageRegistry& registry, json::Value page) {
  const auto page_type = page.is_string() ? registry.find(*page.as_string()) : nullptr;
  return page_type &&
         std::ranges::find(page_type->parameters(), "type", &PageParameter::name) != page_type->parameters().end();
}

}  // namespace

// --- the greeting

// The query's `accepts=ping,page_error`: messages beyond Baserow's that a client understands. A client without it gets
// Baserow's only.
void CoreConsumer::read_accepts() {
  const auto list = scope().query_value("accepts");
  if (!list) return;
  asked_ = true;
  for (std::string_view rest = *list; !rest.empty();) {
    const std::size_t end = std::min(rest.find(','), rest.size());
    const std::string_view name = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (name == "ping") pings_ = true;
    if (name == "page_error") options_.page_errors = true;
    if (name == "gaps") options_.tell_gaps = true;
    if (name == "revoked") revoked_ = true;
  }
}

void CoreConsumer::greet() {
  // A browser that offered its token as a subprotocol closes the connection unless the response names one of its
  // offers.
  const auto* chosen = scope().find<ChosenSubprotocol>();
  accept(chosen ? Acceptance(chosen->name) : Acceptance());
  Authentication authentication;
  authentication.success = scope().user() != nullptr;
  if (!scope().web_socket_id().empty()) authentication.web_socket_id = scope().web_socket_id();
  if (asked_) {
    GrantedFeatures granted;
    granted.authentication = authentication;
    if (pings_) granted.features.push_back("ping");
    if (options_.page_errors) granted.features.push_back("page_error");
    if (options_.tell_gaps) granted.features.push_back("gaps");
    if (revoked_) granted.features.push_back("revoked");
    if (pings_) granted.heartbeat = options_.heartbeat.count();
    say(granted);
  } else {
    say(authentication);
  }
  if (!authentication.success) close();
}

// --- pages

Task<> CoreConsumer::receive_json(const json::Value& content) {
  json::Value page = content["page"];
  json::Value removed = content["remove_page"];
  if (const auto type = content["type"].as_string(); type && !type->empty()) {
    if (!declares_type(*registry_, page)) page = {};
    if (!declares_type(*registry_, removed)) removed = {};
    if (pings_ && *type == "ping" && !page && !removed) {
      say(Pong{});
      co_return;
    }
  }
  if (!page && !removed) ignore();
  if (page) co_await subscribe(content, page);
  if (removed) co_await unsubscribe(content, removed);
}

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

// A page that is subscribed already may have other groups now, if its type was replaced. Then the old groups are left.
Task<> CoreConsumer::keep(Subscription wanted) {
  const auto held = pages_->find(*wanted.type, wanted.parameters);
  if (!held) {
    add_page(std::move(wanted));
    co_return;
  }
  const Subscription& before = pages_->at(*held);
  if (before.group == wanted.group && before.permission_group == wanted.permission_group) co_return;
  const Subscription left = take_page(*held);
  add_page(std::move(wanted));
  co_await leave(left);
}

void CoreConsumer::add_page(Subscription page) {
  pages_->add(std::move(page));
  kept_changed();
}

Subscription CoreConsumer::take_page(std::uint64_t number) {
  Subscription page = pages_->take(number);
  kept_changed();
  return page;
}

std::size_t CoreConsumer::kept_bytes() const noexcept { return pages_->memory(); }

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
    const Subscription page = take_page(*number);
    co_await leave(page);
  }
  // Also for a page that it never had (behaviour CC-19).
  confirm_discard(page_type->type(), parameters.received(), false);
}

void CoreConsumer::confirm_discard(const std::string& page, const json::Text& parameters, bool unasked) {
  PageDiscard confirmation;
  confirmation.page = page;
  confirmation.parameters = parameters;
  if (unasked && revoked_) {
    say(RevokedPage{confirmation});
  } else {
    say(confirmation);
  }
}

Result<Subscription> CoreConsumer::requested(const json::Value& content, std::string_view type) {
  Subscription wanted;
  wanted.type = registry_->find(type);
  if (!wanted.type) {
    if (registry_->stats().unknown_type == 0) {  // a misspelled name and a type that was never registered look the same
      log(LogLevel::warning,
          fmt::format("{}: a client asked for the page type {}; there are: {} (said once)", scope().quoted_path(),
                      json::in_quotes(type), fmt::join(registry_->types(), ", ")));
    }
    return Error(ErrorCode::unknown_page_type, "no such page type");
  }
  wanted.parameters = PageParameters::read(wanted.type->parameters(), content, options_.style);
  if (!wanted.parameters.fit()) return wanted.parameters.fit().error();
  const std::size_t memory = pages_->memory() + Subscriptions::memory_of(*wanted.type, wanted.parameters);
  const bool full = pages_->size() >= limits().pages_per_connection || memory > limits().page_bytes_per_connection;
  if (full && !pages_->find(*wanted.type, wanted.parameters)) {
    limit_met();
    return Error(ErrorCode::limit_exceeded, "the connection has as many pages as it may have");
  }
  try {
    wanted.group = wanted.type->group_name(wanted.parameters);
    wanted.permission_group = wanted.type->permission_group_name(wanted.parameters);
  } catch (...) {
    registry_->report(*wanted.type, fmt::format("a group's name threw: {}", text_of(std::current_exception())));
    return Error(ErrorCode::refused, "the page has no group");
  }
  auto named = check_group_name("group_name returned", wanted.group);
  if (named && !wanted.permission_group.empty()) {
    named = check_group_name("permission_group_name returned", wanted.permission_group);
  }
  // All connections are in the group `users`: a client that was refused such a page would still receive it.
  if (named && (wanted.group == users_group || wanted.permission_group == users_group)) {
    named = Error(ErrorCode::invalid_name, fmt::format("\"{}\" is the group of all users, and no page's", users_group));
  }
  if (!named) {
    registry_->report(*wanted.type, named.error().context());
    return Error(ErrorCode::refused, "the page has no group");
  }
  return wanted;
}

// Join both groups before can_add(): a revocation or a recheck that is sent to either of them meanwhile waits in the
// mailbox, and removes the page afterwards (behaviour CC-6). Broadcasts wait there, too; those for a refused page are
// dropped with the group.
Task<Result<void>> CoreConsumer::admit(const Subscription& wanted) {
  Result<void> joined;
  Permission permission = Permission::unknown;
  if (!wanted.permission_group.empty()) joined = co_await group_add(wanted.permission_group);
  if (joined) joined = co_await join(wanted);
  if (joined) permission = co_await ask(wanted);
  if (permission == Permission::granted) co_return Result<void>();

  if (!connected()) co_return Error(ErrorCode::channel_closed, "the connection is closing");
  if (!joined) {
    registry_->report(*wanted.type, joined.error().message());
    end_without_answer(close_code::try_again_later);
  } else if (permission == Permission::unknown) {
    end_without_answer(close_code::internal_error);
  } else {
    co_await leave(wanted);
    if (const auto held = pages_->find(*wanted.type, wanted.parameters)) co_await evict(*held);
  }
  co_return Error(ErrorCode::refused, "not for this client");
}

// If when_slow() of the page type throws, the consumer's policy applies.
Task<Result<void>> CoreConsumer::join(const Subscription& wanted) {
  std::optional<WhenSlow> when_slow;
  try {
    when_slow = wanted.type->when_slow();
  } catch (...) {
    registry_->report(*wanted.type, fmt::format("when_slow threw: {}", text_of(std::current_exception())));
  }
  return when_slow ? group_add(wanted.group, *when_slow) : group_add(wanted.group);
}

Task<CoreConsumer::Permission> CoreConsumer::ask(const Subscription& page) {
  try {
    const bool allowed = co_await page.type->can_add(scope(), page.parameters);
    co_return allowed ? Permission::granted : Permission::refused;
  } catch (...) {
    registry_->report(*page.type, fmt::format("can_add threw: {}", text_of(std::current_exception())));
  }
  co_return Permission::unknown;
}

// Without an answer the client would assume a refusal and not subscribe again. After a close it does.
void CoreConsumer::end_without_answer(std::uint16_t code) {
  close({code, code == close_code::try_again_later ? "the channel layer is away" : "a permission check failed"});
}

Task<> CoreConsumer::leave(const Subscription& page) {
  co_await leave_unused(page.group);
  co_await leave_unused(page.permission_group);
}

Task<> CoreConsumer::leave_unused(const std::string& group) {
  if (group.empty() || pages_->need(group)) co_return;
  auto left = co_await group_discard(group);
  if (left || !connected()) co_return;
  // A group that cannot be left would still deliver to the client, so its connection is closed.
  log(LogLevel::error, fmt::format("core consumer: {}", left.error().message()));
  close({close_code::internal_error, "a page could not be left"});
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

}  // namespace sluice::SLUICE_ABI
