// SPDX-License-Identifier: MIT
// The promises of every channel layer, kept on a real NATS server, within one process and across two.
#include <memory>
#include <tuple>

#include "conformance/several_processes.hpp"
#include "nats/support/nats_server.hpp"
#include "sluice/nats/nats_channel_layer.hpp"

namespace sluice::SLUICE_ABI::testing {
namespace {

// Events of the suite are larger than a server's default limit.
nats::NatsServer& server() {
  static const nats::Folder folder;
  static nats::NatsServer one({"-c", folder.file("conf", "max_payload: 9000000\n")});
  return one;
}

template <std::size_t count>
struct OnNats {
  explicit OnNats(const ChannelLayerOptions& options)
      : executors(count), layer(executors, [nats = with(options)](ManualExecutor& executor) {
          return std::make_unique<NatsChannelLayer>(executor, nats);
        }) {}

  static NatsOptions with(const ChannelLayerOptions& options) {
    NatsOptions nats;
    nats.servers = {server().url()};
    nats.capacity = options.capacity;
    nats.channel_capacity = options.channel_capacity;
    nats.expiry = options.expiry;
    nats.message_bytes = options.message_bytes;
    // The clock of these executors is moved by hand and the server's is not: nothing may be late.
    nats.join_time = std::chrono::hours(10'000);
    return nats;
  }
  void settle() { layer.settle(); }
  std::optional<Event> take(Inbox& inbox) { return inbox.poll(); }

  static constexpr std::size_t processes = count;
  static constexpr std::chrono::hours group_expiry{24};
  static constexpr bool shared = true, keeps = false, names_processes = true;
  ManualExecutors executors;
  Processes<NatsChannelLayer> layer;
};

}  // namespace

using Worlds = std::tuple<OnNats<1>, OnNats<2>>;

}  // namespace sluice::SLUICE_ABI::testing

#include "conformance/channel_layer_suite.hpp"
