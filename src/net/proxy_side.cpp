// SPDX-License-Identifier: MIT
// Who is at the other end, when proxies stand between; see asio_connection.hpp.
#include "net/forwarded.hpp"
#include "net/http_side.hpp"
#include "net/request_rules.hpp"
#include "net/tls_session.hpp"

namespace sluice::net {

void AsioConnection::begin_http(const asio::ip::tcp::endpoint& peer, bool proxy_protocol) {
  rare().http = std::make_unique<Http>(shard_.limits(), peer);
  http().waits_since = shard_.executor().now();
  if (proxy_protocol && trusts(shard_.options().proxies, peer.address())) {
    http().proxy_header = std::make_unique<ProxyHeaderReader>();
  }
}

bool AsioConnection::awaits_proxy_header() const noexcept { return has_http() && http().proxy_header; }

// Takes the header off the socket and not a byte more: what follows may be a TLS handshake.
void AsioConnection::read_proxy_header() {
  const std::span<char> buffer = shard_.read_buffer().first(ProxyHeaderReader::most_bytes);
  for (;;) {
    const IoResult seen = stream_.peek(buffer);
    if (seen.status == IoStatus::ended || seen.status == IoStatus::failed) return proxy_header_missing();
    if (seen.status == IoStatus::would_block) {
      unread_ = false;
      return;
    }
    std::string_view rest(buffer.data(), seen.bytes);
    const ProxyHeaderReader::Step step = http().proxy_header->next(rest);
    const std::size_t taken = seen.bytes - rest.size();
    stream_.drop(buffer.first(taken));
    shard_.counters().bytes_in.add(taken);
    if (step == ProxyHeaderReader::Step::refused) return proxy_header_missing();
    if (step == ProxyHeaderReader::Step::complete) return take_proxy_header();
  }
}

void AsioConnection::take_proxy_header() {
  const ProxyHeader header = http().proxy_header->header();
  http().proxy_header.reset();
  if (header.has_addresses) {
    http().peer = header.source;
    http().called = header.destination;
    http().tls_before = header.tls;
    if (!count_for(header.source)) return stream_.tls() ? give_up_seat() : refuse_for_want_of_seats();
  }
  read_burst();
}

// A client that speaks TLS can be told only behind its handshake: like those who found the server full, when it asks.
void AsioConnection::give_up_seat() {
  if (!shard_.take_unseated()) return end();
  seat_.release();
  read_burst();
}

// A connection that says nothing at all was somebody who looks whether we listen.
void AsioConnection::proxy_header_missing() {
  if (http().proxy_header->begun()) shard_.counters().proxy_refused.add();
  end();
}

// The client is known only now. False: it has its share of connections.
bool AsioConnection::count_for(const asio::ip::tcp::endpoint& client) {
  return seat_.move_to(unmapped(client.address()).to_string());
}

void AsioConnection::refuse_for_want_of_seats() { refuse({503, "too many connections", {{"Retry-After", "5"}}}); }

bool AsioConnection::identify() {
  if (stream_.tls() && stream_.tls()->client_certificate_expired()) {
    refuse({403, "the client's certificate has expired", {}});
    return false;
  }
  RequestInfo& request = http().reader.head().request;
  const ProxyOptions& proxies = shard_.options().proxies;
  const auto who = find_requester(request.headers, http().peer, proxies);
  if (!who) {
    refuse({400, who.error().context(), {}});
    return false;
  }
  // Requests of several clients may come over one connection of a proxy.
  if (trusts(proxies, http().peer.address()) && !count_for(who->client)) {
    refuse_for_want_of_seats();
    return false;
  }
  http().secure = who->secure.value_or((stream_.tls() != nullptr) || http().tls_before);
  http().client.reset();
  if (!trusts(proxies, who->client.address())) http().client = who->client.address();
  request.client_address = to_text(who->client);
  request.server_address = to_text(http().called.value_or(stream_.local_endpoint()));
  if (who->host) {
    for (auto& [name, value] : request.headers) {
      if (name == "host") value = *who->host;
    }
  }
  auto refusal = rule_against(request, shard_.options());
  if (!refusal && http().client && shard_.refusals().too_many(*http().client, shard_.executor().now())) {
    refusal = ws::HttpRefusal{429, "too many attempts of this address were refused", {{"Retry-After", "5"}}};
  }
  if (refusal) refuse(*refusal);
  return !refusal;
}

// Whoever tries one token after the other has us verify each.
void AsioConnection::count_answer(int status) {
  if ((status == 401 || status == 403) && http().client) {
    shard_.refusals().charge(*http().client, shard_.executor().now());
  }
}

}  // namespace sluice::net
