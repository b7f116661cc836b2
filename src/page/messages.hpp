// SPDX-License-Identifier: MIT
// Messages of a CoreConsumer to its client, key for key. Values that are written at once: their views need to live no
// longer.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "sluice/json/fields.hpp"
#include "sluice/json/text.hpp"
#include "sluice/json/value.hpp"

namespace sluice::SLUICE_ABI::page_messages {

/// The outcome of authentication, the first message.
struct Authentication {
  static constexpr std::string_view event_type = "authentication";
  bool success = false;
  std::optional<std::string_view> web_socket_id;
  static constexpr auto fields() {
    return sluice::fields(sluice::field("success", &Authentication::success),
                          sluice::field("web_socket_id", &Authentication::web_socket_id));
  }
};

/// The same, for a client with `accepts`: what is granted, and when to ping.
struct GrantedFeatures {
  static constexpr std::string_view event_type = "authentication";
  Authentication authentication;
  std::vector<std::string_view> features;
  std::optional<std::int64_t> heartbeat;  // seconds
};

inline void json_write(json::Writer& out, const GrantedFeatures& granted) {
  out.begin_object().key("type").value(granted.event_type);
  out.key("success").value(granted.authentication.success);
  json::write(out.key("web_socket_id"), granted.authentication.web_socket_id);
  json::write(out.key("features"), granted.features);
  json::write(out.key("heartbeat"), granted.heartbeat);
  out.end_object();
}

/// The answer to a ping in a message.
struct Pong {
  static constexpr std::string_view event_type = "pong";
};

/// A page was added.
struct PageAdd {
  static constexpr std::string_view event_type = "page_add";
  std::string_view page;
  json::Text parameters;
  static constexpr auto fields() {
    return sluice::fields(sluice::field("page", &PageAdd::page), sluice::field("parameters", &PageAdd::parameters));
  }
};

/// A page was removed, by a request or not.
struct PageDiscard {
  static constexpr std::string_view event_type = "page_discard";
  std::string_view page;
  json::Text parameters;
  static constexpr auto fields() {
    return sluice::fields(sluice::field("page", &PageDiscard::page),
                          sluice::field("parameters", &PageDiscard::parameters));
  }
};

/// A page was revoked, for a client that accepts "revoked".
struct RevokedPage {
  PageDiscard discard;
};

inline void json_write(json::Writer& out, const RevokedPage& revoked) {
  out.begin_object().key("type").value(PageDiscard::event_type).key("page").value(revoked.discard.page);
  out.key("parameters").value(revoked.discard.parameters).key("revoked").value(true).end_object();
}

/// A page was not added, with the reason; with CoreConsumerOptions::page_errors only.
struct PageError {
  static constexpr std::string_view event_type = "page_error";
  json::Value page;
  json::Text parameters;
  std::string_view error;
  static constexpr auto fields() {
    return sluice::fields(sluice::field("page", &PageError::page), sluice::field("parameters", &PageError::parameters),
                          sluice::field("error", &PageError::error));
  }
};

/// A page to fetch again.
struct MissedPage {
  std::string_view page;
  json::Text parameters;
  static constexpr auto fields() {
    return sluice::fields(sluice::field("page", &MissedPage::page),
                          sluice::field("parameters", &MissedPage::parameters));
  }
};

/// These pages' data may be old.
struct UpdatesMissedOfPages {
  static constexpr std::string_view event_type = "updates_missed";
  std::vector<MissedPage> pages;
  static constexpr auto fields() { return sluice::fields(sluice::field("pages", &UpdatesMissedOfPages::pages)); }
};

/// All data of the client may be old.
struct UpdatesMissed {
  static constexpr std::string_view event_type = "updates_missed";
};

/// The user is signed out.
struct ForceDisconnect {
  static constexpr std::string_view event_type = "force_disconnect";
};

}  // namespace sluice::SLUICE_ABI::page_messages
