// SPDX-License-Identifier: MIT
#include "sluice/net/server_times.hpp"

#include <array>

namespace sluice::SLUICE_ABI {
namespace {

constexpr std::array websocket_lives{1., 10., 60., 600., 3600., 21600., 86400.};  // seconds

}  // namespace

ServerTimes::ServerTimes() : http_(Histogram::times()), websockets_(websocket_lives), waited_(Histogram::sizes()) {}

void ServerTimes::http_answered(const ObservedSocket&, const HttpAnswer& answer) { http_.add(answer.duration); }

void ServerTimes::websocket_closed(const ObservedSocket&, const WebSocketEnd& end) { websockets_.add(end.duration); }

void ServerTimes::output_waited(std::size_t bytes) { waited_.add(static_cast<double>(bytes)); }

void ServerTimes::add_to(MetricsText& text, const MetricsText::Labels& labels) const {
  text.add_histogram("sluice_server_http_seconds",
                     "Time from a whole HTTP request to the end of its answer, refused ones too.", http_, labels);
  text.add_histogram("sluice_server_websocket_seconds", "Time from an accepted handshake to the close.", websockets_,
                     labels);
  text.add_histogram("sluice_server_output_waited_bytes",
                     "Bytes that gathered for a connection while its network took no more.", waited_, labels);
}

}  // namespace sluice::SLUICE_ABI
