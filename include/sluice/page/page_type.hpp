// SPDX-License-Identifier: MIT
// A kind of page that clients can subscribe to. Most are written as a Page<Params>; this is the consumer's interface.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sluice/abi.hpp"
#include "sluice/consumer/when_slow.hpp"
#include "sluice/core/result.hpp"
#include "sluice/core/task.hpp"
#include "sluice/page/broadcasts.hpp"
#include "sluice/page/page_parameters.hpp"
#include "sluice/transport/scope.hpp"

namespace sluice::SLUICE_ABI {

/// A page names a group and decides who may be in it (Baserow: PageType). One object serves all connections of all
/// executors at once: keep no state of one connection in it. An exception is logged. From group_name() it counts as a
/// refusal. From can_add() it ends the connection with 1011, so that the client subscribes again (behaviour CC-14). Any
/// thread.
class SLUICE_API PageType {
 public:
  /// Throws std::invalid_argument for an empty type, and for a parameter that has no name, a name twice, the name
  /// "page" or "remove_page", or one that begins with an underscore, which is reserved for the protocol.
  PageType(std::string type, std::vector<PageParameter> parameters);
  PageType(const PageType&) = delete;
  PageType& operator=(const PageType&) = delete;
  virtual ~PageType() = default;

  /// Its name in subscriptions.
  const std::string& type() const noexcept { return type_; }
  const std::vector<PageParameter>& parameters() const noexcept { return parameters_; }

  /// Whether this connection may receive the page's broadcasts. Both arguments are valid until the task has finished;
  /// the parameters fit their declaration.
  virtual Task<bool> can_add(const Scope& scope, const PageParameters& page) = 0;
  /// The group where the page's broadcasts are sent. Make it with group_of(), so that no parameter can name another
  /// page's group. The group `users` cannot be a page's: returning it refuses the page.
  virtual std::string group_name(const PageParameters& page) const = 0;
  /// The group that receives revocations; empty for none. Several pages may share one.
  virtual std::string permission_group_name(const PageParameters& page) const;

  /// The policy for a page's broadcasts to a slow client; nullopt: the consumer's. Among pages that share a group the
  /// last subscription decides.
  virtual std::optional<WhenSlow> when_slow() const { return std::nullopt; }

  /// Called by a registry: after it added the page type, and before it removes it.
  virtual void after_register() {}
  virtual void before_unregister() {}

  /// To the page's subscribers, as broadcast_to_channel_group. An exception from group_name() reaches the caller.
  /// ErrorCode::invalid_name if it returns the group of all users, which cannot be a page's. Any thread.
  Result<void> broadcast(ChannelLayer& layer, const PageParameters& page, const Payload& payload,
                         Audience audience = {}) const;
  /// One payload each for several pages, in this order, as broadcast_many_to_channel_group. Any thread.
  Result<void> broadcast_many(ChannelLayer& layer, const std::vector<std::pair<PageParameters, Payload>>& payloads,
                              const Audience& audience = {}) const;

 protected:
  /// Does what the two above do, with the page's group name.
  Result<void> broadcast_to_group(ChannelLayer& layer, const std::string& group, const Payload& payload,
                                  Audience audience) const;
  Result<void> broadcast_to_groups(ChannelLayer& layer, const std::vector<std::pair<std::string, Payload>>& payloads,
                                   const Audience& audience) const;

 private:
  std::string type_;
  std::vector<PageParameter> parameters_;
};

}  // namespace sluice::SLUICE_ABI
