// SPDX-License-Identifier: MIT
#include "net/shard/counters.hpp"

#include "sluice/net/server_stats.hpp"

namespace sluice::SLUICE_ABI::net {

void Counters::add_to(ServerStats& sum) const noexcept {
  sum.accepted += accepted.get();
  sum.connections += connections.get();
  sum.opened += opened.get();
  sum.open += open.get();
  sum.http_requests += http_requests.get();
  sum.responses_cut += responses_cut.get();
  sum.tls_failed += tls_failed.get();
  sum.proxy_refused += proxy_refused.get();
  sum.messages_in += messages_in.get();
  sum.sends += sends.get();
  sum.bytes_in += bytes_in.get();
  sum.bytes_out += bytes_out.get();
  sum.writes += writes.get();
  sum.compressing += compressing.get();
  sum.deflated += deflated.messages.get();
  sum.deflated_plain_bytes += deflated.plain_bytes.get();
  sum.deflated_wire_bytes += deflated.wire_bytes.get();
  sum.inflated += inflated.messages.get();
  sum.inflated_plain_bytes += inflated.plain_bytes.get();
  sum.inflated_wire_bytes += inflated.wire_bytes.get();
  sum.closed_by_peer += ended(CloseCause::by_peer);
  sum.closed_by_gateway += ended(CloseCause::by_gateway);
  sum.closed_by_stop += ended(CloseCause::by_stop);
  sum.vanished += ended(CloseCause::vanished);
  sum.too_slow += ended(CloseCause::too_slow);
  sum.too_big += ended(CloseCause::too_big);
  sum.protocol_errors += ended(CloseCause::protocol_error);
  sum.invalid_payloads += ended(CloseCause::invalid_payload);
  sum.too_many_frames += ended(CloseCause::too_many_frames);
  sum.too_fast += ended(CloseCause::too_fast);
  sum.timed_out += ended(CloseCause::timed_out);
  sum.idle += ended(CloseCause::idle);
  sum.too_old += ended(CloseCause::too_old);
  sum.shed += ended(CloseCause::shed);
  sum.late_messages += ended(CloseCause::late_message);
  sum.shed_unused += ended(CloseCause::shed_unused);
  sum.read_ahead_full += read_ahead_full.get();
  sum.throttled += throttled.get();
  sum.pings += pings.get();
  sum.cut_off += cut_off.get();
  sum.cut_off_by_stop += cut_off_by_stop.get();
}

}  // namespace sluice::SLUICE_ABI::net
