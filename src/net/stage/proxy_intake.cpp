// SPDX-License-Identifier: MIT
#include "net/stage/proxy_intake.hpp"

#include "net/proxy/forwarded.hpp"
#include "net/socket/tls_session.hpp"
#include "net/stage/request_rules.hpp"

namespace sluice::SLUICE_ABI::net {

ProxyIntake::ProxyIntake(ServerShard& shard, Stream& stream, Admission::ConnectionSlot& slot,
                         const AcceptedSocket& accepted)
    : shard_(shard), stream_(stream), slot_(slot), peer_(accepted.peer), tls_at_proxy_(accepted.secure) {
  if (accepted.proxy_protocol && trusts(shard.options().proxies, peer_.address())) {
    header_ = std::make_unique<ProxyHeaderReader>();
  }
}

ProxyIntake::HeaderStep ProxyIntake::read_header() {
  const std::span<char> buffer = shard_.buffers().read_buffer().first(ProxyHeaderReader::most_bytes);
  for (;;) {
    const IoResult seen = stream_.peek(buffer);
    if (seen.status == IoStatus::would_block) return HeaderStep::need_more;
    if (seen.status != IoStatus::ok) break;
    std::string_view rest(buffer.data(), seen.bytes);
    const ProxyHeaderReader::Step step = header_->next(rest);
    const std::size_t taken = seen.bytes - rest.size();
    stream_.drop(buffer.first(taken));
    shard_.counters().bytes_in.add(taken);
    if (step == ProxyHeaderReader::Step::refused) break;
    if (step == ProxyHeaderReader::Step::complete) return take_header();
  }
  count_missing_header();
  return HeaderStep::refused;
}

ProxyIntake::HeaderStep ProxyIntake::take_header() {
  const ProxyHeader header = header_->header();
  header_.reset();
  if (!header.has_addresses) return HeaderStep::complete;
  peer_ = header.source;
  called_ = header.destination;
  tls_at_proxy_ = header.tls;
  return count_for(header.source) ? HeaderStep::complete : HeaderStep::over_capacity;
}

// A connection that sends no byte at all was a probe of whether we listen, and is not counted.
void ProxyIntake::count_missing_header() noexcept {
  if (header_->begun()) shard_.counters().proxy_refused.add();
}

// False: the client has as many connections as it may.
bool ProxyIntake::count_for(const IpEndpoint& client) { return slot_.move_to(unmapped(client.address()).to_string()); }

std::optional<http::Refusal> ProxyIntake::identify(RequestInfo& request) {
  if (stream_.tls() && stream_.tls()->client_certificate_expired()) {
    return http::Refusal{403, "the client's certificate has expired", {}};
  }
  const ProxyOptions& proxies = shard_.options().proxies;
  const auto requester = find_requester(request.headers, peer_, proxies);
  if (!requester) return http::Refusal{400, requester.error().context(), {}};
  // One connection of a proxy may carry requests of several clients.
  if (trusts(proxies, peer_.address()) && !count_for(requester->client)) return too_many_connections();
  secure_ = requester->secure.value_or((stream_.tls() != nullptr) || tls_at_proxy_);
  client_.reset();
  if (!trusts(proxies, requester->client.address())) client_ = requester->client.address();
  request.client_address = to_text(requester->client);
  request.server_address = to_text(called_.value_or(stream_.local_endpoint()));
  if (requester->host) {
    for (auto& [name, value] : request.headers) {
      if (name == "host") value = *requester->host;
    }
  }
  auto refusal = rule_against(request, shard_.options());
  if (!refusal && client_ && shard_.refusals().too_many(*client_, shard_.executor().now())) {
    refusal = http::Refusal{429, "too many attempts of this address were refused", {{"Retry-After", "5"}}};
  }
  return refusal;
}

// A client that tries one token after the other makes us verify each of them.
void ProxyIntake::count_answer(int status) {
  if ((status == 401 || status == 403) && client_) shard_.refusals().charge(*client_, shard_.executor().now());
}

}  // namespace sluice::SLUICE_ABI::net
