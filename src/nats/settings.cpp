// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <string_view>

#include "nats/nats_connection.hpp"

namespace sluice::SLUICE_ABI::nats {
namespace {

void require(bool holds, std::string_view what) {
  if (!holds) throw std::invalid_argument(fmt::format("NatsOptions: {}", what));
}

bool is_prefix(std::string_view text) {
  const auto fits = [](char c) { return c > ' ' && c < 127 && c != '*' && c != '>' && c != '/' && c != '!'; };
  return std::ranges::all_of(text, fits) && ('.' + std::string(text) + '.').find("..") == text.npos &&
         text.size() <= 100 && !('.' + std::string(text)).ends_with(".c");  // PREFIX.c is for consumers' channels
}

}  // namespace

Settings settings_for(const NatsOptions& options, const std::string& server) {
  const bool tls_url = server.starts_with("tls://");
  require((tls_url || server.starts_with("nats://")) && !server.ends_with('/') && server.find('@') == server.npos,
          "servers are written nats://host:port or tls://host:port; user and password are options of their own");
  require(is_prefix(options.prefix), "prefix: no valid subject of at most 100 characters");
  for (const auto time : {options.answer_time, options.reconnect_min, options.reconnect_max}) {
    require(time.count() >= 1 && time <= std::chrono::hours(24 * 365), "a time is below 1 ms or above a year");
  }
  require(!options.username.empty() || options.password.empty(), "a password without a username");
  require(options.username.empty() || options.token.empty(), "a username and a token: give one of the two");
  require(!options.tls || options.tls->certificate_file.empty() == options.tls->key_file.empty(),
          "tls: a certificate_file needs its key_file, and a key_file its certificate_file");
  require(options.unread_events > 0 && options.unread_bytes > 0, "unread_events or unread_bytes is 0");
  natsOptions* o = nullptr;
  require(natsOptions_Create(&o) == NATS_OK, "no memory");
  Settings settings(o, natsOptions_Destroy);
  const auto set = [](std::string_view what, natsStatus status) {
    require(status == NATS_OK, fmt::format("{}: {}", what, natsStatus_GetText(status)));
  };
  const std::string address = server.substr(server.find("://") + 3);
  set("servers", natsOptions_SetURL(o, ("nats://" + address).c_str()));
  // A password goes to the servers that the user has listed, and to no other.
  set("servers", natsOptions_SetIgnoreDiscoveredServers(o, true));
  for (const auto setter : {natsOptions_SetTimeout, natsOptions_SetPingInterval, natsOptions_SetWriteDeadline}) {
    set("answer_time", setter(o, options.answer_time.count()));
  }
  set("answer_time", natsOptions_SetMaxPingsOut(o, 1));
  // No message may wait in cnats for another connection: the layer keeps them, within its bounds.
  set("servers", natsOptions_SetAllowReconnect(o, false));
  // One thread for all subscriptions rather than one each, and so messages keep their order across subjects.
  set("servers", natsOptions_UseGlobalMessageDelivery(o, true));
  if (!options.token.empty()) set("token", natsOptions_SetToken(o, options.token.c_str()));
  if (!options.username.empty()) {
    set("username", natsOptions_SetUserInfo(o, options.username.c_str(), options.password.c_str()));
  }
  if (!options.tls && !tls_url) return settings;
  const NatsTls tls = options.tls.value_or(NatsTls());
  const std::string host = tls.host_name.empty() ? address.substr(0, address.rfind(':')) : tls.host_name;
  set("tls", natsOptions_SetSecure(o, true));
  set("tls.verify", natsOptions_SkipServerVerification(o, !tls.verify));
  if (tls.verify) set("tls.host_name", natsOptions_SetExpectedHostname(o, host.c_str()));
  if (!tls.ca_file.empty()) set("tls.ca_file", natsOptions_LoadCATrustedCertificates(o, tls.ca_file.c_str()));
  if (!tls.certificate_file.empty()) {
    set("tls.certificate_file",
        natsOptions_LoadCertificatesChain(o, tls.certificate_file.c_str(), tls.key_file.c_str()));
  }
  return settings;
}

}  // namespace sluice::SLUICE_ABI::nats
