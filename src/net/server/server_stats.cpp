// SPDX-License-Identifier: MIT
// The metrics of ServerStats, with the texts of /metrics and of docs/observability.md.
#include <array>

#include "sluice/net/server_stats.hpp"

namespace sluice::SLUICE_ABI {

std::span<const observe::Metric<ServerStats>> ServerStats::metrics() noexcept {
  static constexpr std::array table{
      observe::counter<&ServerStats::accepted>("accepted", "Connections that were accepted or adopted."),
      observe::gauge<&ServerStats::connections>("connections", "TCP connections that are open now."),
      observe::counter<&ServerStats::opened>("opened", "WebSocket handshakes that were accepted."),
      observe::gauge<&ServerStats::open>("open", "WebSockets that are open now."),
      observe::counter<&ServerStats::http_requests>("http_requests", "HTTP requests that were no handshake."),
      observe::counter<&ServerStats::responses_cut>(
          "responses_cut",
          "HTTP responses that were not sent whole: the client left or took nothing, or the body failed."),
      observe::counter<&ServerStats::tls_failed>(
          "tls_failed", "Connections that a TLS error ended; not those that merely broke off."),
      observe::counter<&ServerStats::proxy_refused>(
          "proxy_refused", "Connections of trusted proxies whose PROXY header is missing or malformed."),
      observe::counter<&ServerStats::messages_in>("received_messages", "Messages that clients sent."),
      observe::counter<&ServerStats::sends>("sends", "Calls of Connection::send; a frame of several messages is one."),
      observe::counter<&ServerStats::bytes_in>("received_bytes", "Bytes that were read, within TLS."),
      observe::counter<&ServerStats::bytes_out>("sent_bytes", "Bytes that were written, within TLS."),
      observe::counter<&ServerStats::writes>("writes", "System calls that wrote; under TLS, records."),
      observe::gauge<&ServerStats::queued_bytes>("queued_bytes",
                                                 "Bytes that wait now for clients whose network takes no more."),
      observe::gauge<&ServerStats::unused_bytes>("unused_bytes",
                                                 "Bytes that clients have sent and that are not used yet."),
      observe::gauge<&ServerStats::stopping>("stopping", "1 since the server was told to stop."),
      observe::counter<&ServerStats::server_full>("refused_server_full", "Connections past ServerLimits::connections."),
      observe::counter<&ServerStats::address_full>("refused_address_full",
                                                   "Connections past ServerLimits::connections_per_address."),
      observe::counter<&ServerStats::read_ahead_full>(
          "read_ahead_full", "Times that a busy consumer's client was not read, past ServerLimits::read_ahead_bytes."),
      observe::counter<&ServerStats::turned_away>("turned_away", "Attempts past ServerLimits::refusals_per_address."),
      observe::counter<&ServerStats::throttled>("throttled",
                                                "Times that a client faster than its rates was not read for a while."),
      observe::counter<&ServerStats::pings>("pings", "Pings that were sent to silent clients."),
      observe::counter<&ServerStats::cut_off>(
          "cut_off", "Clients that did not do their part of a close within ServerLimits::close_time."),
      observe::counter<&ServerStats::cut_off_by_stop>("cut_off_by_stop",
                                                      "Connections that were still open after StopOptions::grace."),
      observe::counter<&ServerStats::compressing>("compressing", "WebSockets that agreed on permessage-deflate."),
      observe::counter<&ServerStats::deflated>("deflated_messages",
                                               "Messages that were compressed; one for many clients counts once."),
      observe::counter<&ServerStats::deflated_plain_bytes>("deflated_plain_bytes",
                                                           "Bytes of compressed messages before compression."),
      observe::counter<&ServerStats::deflated_wire_bytes>("deflated_wire_bytes",
                                                          "Bytes of compressed messages after compression."),
      observe::counter<&ServerStats::inflated>("inflated_messages", "Compressed messages that clients sent."),
      observe::counter<&ServerStats::inflated_plain_bytes>(
          "inflated_plain_bytes", "Bytes of clients' compressed messages after decompression."),
      observe::counter<&ServerStats::inflated_wire_bytes>("inflated_wire_bytes",
                                                          "Bytes of clients' compressed messages as they arrived."),
      observe::counter<&ServerStats::closed_by_peer>("closed_by_peer", "WebSockets that their client closed."),
      observe::counter<&ServerStats::closed_by_gateway>("closed_by_gateway", "WebSockets that a consumer closed."),
      observe::counter<&ServerStats::closed_by_stop>("closed_by_stop",
                                                     "WebSockets that ended since the server stopped."),
      observe::counter<&ServerStats::vanished>("vanished", "WebSockets that ended without a close frame (1006)."),
      observe::counter<&ServerStats::too_slow>("closed_too_slow",
                                               "WebSockets whose queue passed ConsumerLimits::queued_bytes (1013)."),
      observe::counter<&ServerStats::too_big>("closed_too_big",
                                              "WebSockets with a message past ServerLimits::message_bytes (1009)."),
      observe::counter<&ServerStats::protocol_errors>("closed_protocol_error",
                                                      "WebSockets with a frame that RFC 6455 forbids (1002)."),
      observe::counter<&ServerStats::invalid_payloads>(
          "closed_invalid_payload",
          "WebSockets with text that is not UTF-8, or compressed data that can't be read (1007)."),
      observe::counter<&ServerStats::too_many_frames>(
          "closed_too_many_frames", "WebSockets with a message past ServerLimits::frames_per_message (1008)."),
      observe::counter<&ServerStats::too_fast>("closed_too_fast",
                                               "WebSockets whose client passed its rates, where those close (1008)."),
      observe::counter<&ServerStats::timed_out>("closed_timed_out",
                                                "WebSockets whose client did not answer a ping (1006)."),
      observe::counter<&ServerStats::idle>("closed_idle",
                                           "WebSockets without a message for ServerLimits::idle_time (1000)."),
      observe::counter<&ServerStats::too_old>("closed_too_old", "WebSockets past ServerLimits::lifetime (1001)."),
      observe::counter<&ServerStats::late_messages>(
          "closed_late_message", "WebSockets with a message that took longer than ServerLimits::message_time (1008)."),
      observe::counter<&ServerStats::shed_unused>(
          "shed_unused",
          "WebSockets closed since they had the most unread bytes when all were past "
          "ServerLimits::server_unused_bytes (1013)."),
      observe::counter<&ServerStats::shed>("shed",
                                           "WebSockets closed since they had the largest queue when all were past "
                                           "ConsumerLimits::server_queued_bytes (1013)."),
  };
  return table;
}

void ServerStats::add_labelled(MetricsText& text, const MetricsText::Labels& labels) const {
  for (const auto& [status, times] : refused) {
    MetricsText::Labels with_status = labels;
    with_status.emplace_back("status", std::to_string(status));
    text.add_counter("sluice_server_refused", "Requests that the server refused, by HTTP status.",
                     static_cast<double>(times), with_status);
  }
}

}  // namespace sluice::SLUICE_ABI
