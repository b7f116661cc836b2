// SPDX-License-Identifier: MIT
// The consumer of a browser that subscribes to pages: Baserow's CoreConsumer, frame for frame.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/abi.hpp"
#include "sluice/consumer/json_consumer.hpp"
#include "sluice/layer/layer_notices.hpp"
#include "sluice/page/page_registry.hpp"
#include "sluice/page/revocation.hpp"

namespace sluice::SLUICE_ABI {

struct Subscription;
class Subscriptions;

/// What a CoreConsumer does beyond Baserow's. A client may request the first two, and more, by itself: see `accepts` in
/// docs/web-socket-api.md. A value.
struct CoreConsumerOptions {
  /// Notify every client of a subscription that was refused; Baserow sends nothing (behaviour CC-7, CC-8):
  /// {"type":"page_error","page":"table","parameters":{"table_id":7},"error":"refused"}, or limit_exceeded,
  /// invalid_argument, unknown_page_type.
  bool page_errors = false;
  /// Notify every client when the channel layer had lost other processes for a while, so that its data may be old:
  /// {"type":"updates_missed"}. The client should fetch its data again; its subscriptions remain.
  bool tell_gaps = false;
  /// Close with 1008 on JSON that is no request, instead of ignoring it (behaviour CC-16).
  bool strict = false;
  /// The JSON style of its own messages; broadcasts are sent unchanged.
  json::Style style = json::Style::compact;
  /// The policy for broadcasts to a slow client, where a page type has none.
  WhenSlow when_slow = WhenSlow::close;
  /// After this much silence a client that requested `ping` should send one. Below ServerLimits::ping_every it replaces
  /// the pings of the protocol, and adds nothing to them. 1 s to 1 h.
  std::chrono::duration<std::uint16_t> heartbeat{20};
  /// After a gap of the channel layer, and after recheck_pages(), can_add() runs for this many pages at a time on each
  /// executor. The other clients wait for their turn, and their broadcasts wait with them: see docs/limits.md. At least
  /// 1.
  std::uint16_t rechecks_at_once = 32;
};

/// Authenticates, keeps the connection's pages, and forwards broadcasts to them and to its user.
///
/// From the client: {"page":"table","table_id":7} subscribes, {"remove_page":"table","table_id":7} unsubscribes; both
/// may be in one message, and are handled in this order. A message with a text "type" is another request, not one for a
/// page, unless that page type has a parameter of this name. To the client: authentication first, then page_add,
/// page_discard and force_disconnect, and every broadcast as it is.
///
/// The scope's user (put there by a middleware) decides: without one the client is notified and closed with 1000. A
/// page is confirmed once its permission group and its group were joined and can_add() returned true, in this order, so
/// that no revocation or recheck is missed in between. A refused page is counted in the registry's PageStats. Without
/// an answer the connection ends, so that the client subscribes again: with 1013 when a group cannot be joined, with
/// 1011 when can_add() throws.
///
/// When the channel layer had lost other processes and found them again (LayerUp), can_add() is called again for each
/// page of the connection, so that a missed revocation still removes its pages. Clients take turns for it, and a
/// client's broadcasts wait until all its pages are rechecked.
///
/// A connection has up to ConsumerLimits::pages_per_connection pages, which use up to page_bytes_per_connection. Those
/// of all connections count against server_held_bytes: above it the largest connections close with 1013. To react to
/// more events derive from it, and start your table of handlers from EventHandlers(CoreConsumer::event_handlers()). Its
/// executor only.
class SLUICE_API CoreConsumer : public JsonConsumer {
 public:
  /// Throws std::invalid_argument without a registry.
  explicit CoreConsumer(std::shared_ptr<PageRegistry> pages, CoreConsumerOptions options = {});
  ~CoreConsumer() override;

  Task<> connect() override;
  Task<> receive_json(const json::Value& content) override;
  /// A message with a number above 64 bits is ignored, like other unreadable requests; otherwise as JsonConsumer.
  Task<> receive_invalid(const Message& message, const Error& error) override;
  const EventHandlers& event_handlers() const override;
  WhenSlow when_slow() const override { return options_.when_slow; }
  /// Notifies the client which pages to fetch again, if broadcasts were lost; without `pages` it fetches everything:
  /// {"type":"updates_missed","pages":[{"page":"table","parameters":{"table_id":7}}]}.
  Task<> on_gap(const Gap& gap) override;
  /// The memory of its pages, as ConsumerLimits::page_bytes_per_connection counts it.
  std::size_t kept_bytes() const noexcept override;

 private:
  Task<> subscribe(const json::Value& content, json::Value type);
  Task<> unsubscribe(const json::Value& content, json::Value type);
  Result<Subscription> requested(const json::Value& content, std::string_view type);
  Task<Result<void>> admit(const Subscription& wanted);
  Task<Result<void>> join(const Subscription& wanted);
  Task<> keep(Subscription wanted);
  void add_page(Subscription page);
  Subscription take_page(std::uint64_t number);
  enum class Permission : std::uint8_t { granted, refused, unknown };  // unknown: can_add threw
  Task<Permission> ask(const Subscription& page);
  void end_without_answer(std::uint16_t code);
  Task<> evict(std::uint64_t number);
  Task<> leave(const Subscription& page);
  Task<> leave_unused(const std::string& group);

  Task<> users_removed(const UsersRemovedFromPermissionGroup& event);
  Task<> force_disconnect(const ForceDisconnectUsers& event);
  Task<> recheck(const RecheckPages& event);
  Task<> ask_again(std::vector<std::uint64_t> pages);
  Task<> layer_up(const LayerUp&);

  bool is_me(const std::vector<UserId>& users) const noexcept;
  void ignore();
  void refuse(const json::Value& content, json::Value type, const Error& error);
  void read_accepts();
  void greet();
  void confirm_discard(const std::string& page, const json::Text& parameters, bool unasked);
  void complain(std::string_view event, std::string_view odd);
  template <class T>
  void say(const T& message) {
    send_text(json::encode(message, options_.style).view());
  }

  std::shared_ptr<PageRegistry> registry_;
  CoreConsumerOptions options_;  // with the client's requests
  bool asked_ = false;           // the client sent `accepts`; these two have no option:
  bool pings_ = false;
  bool revoked_ = false;
  std::unique_ptr<Subscriptions> pages_;
};

}  // namespace sluice::SLUICE_ABI
