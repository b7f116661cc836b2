// SPDX-License-Identifier: MIT
// A consumer that obeys its messages, and a record of its calls.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sluice/consumer/consumer.hpp"
#include "sluice/consumer/host.hpp"
#include "sluice/core/completion.hpp"
#include "sluice/core/log.hpp"
#include "sluice/layer/in_memory_channel_layer.hpp"
#include "sluice/testing/communicator.hpp"
#include "sluice/testing/scripted_channel_layer.hpp"
#include "support/log_capture.hpp"

namespace sluice::SLUICE_ABI::testing {

/// One test's world: an executor, a layer that records its calls, a host of Obedient consumers, and a log of their
/// calls.
class Story {
 public:
  explicit Story(HostOptions options = {}, ChannelLayerOptions layer_options = {});
  ~Story();

  /// A browser that connects with this as its query: "connect=accept&disconnect=note bye".
  Communicator browser(std::string_view query = "");
  /// The log so far, its entries joined with "; ", and forgets it.
  std::string told() { return std::exchange(told_, {}); }
  void tell(std::string_view what);

  /// Where "wait NAME" waits.
  Completion<std::monostate> gate(const std::string& name) { return gates_[name]; }
  /// Resumes it.
  void open(const std::string& name);

  /// An event for Obedient's handler: it does `what`.
  static Event order(std::string_view what);
  static Event broadcast(std::string_view payload) {
    return Event::broadcast_to_group(json::Text(std::string(payload)));
  }
  /// To the group, and runs.
  void publish(std::string_view group, Event event);
  /// Is the layer as empty as before anybody came?
  bool layer_is_empty();
  HostStats stats() const { return host->stats(); }

  test::LogCapture errors{LogLevel::warning};

 private:  // what consumers refer to outlives the executor, with which the last of them end
  std::string told_;
  std::map<std::string, Completion<std::monostate>> gates_;

 public:
  ManualExecutor executor;
  InMemoryChannelLayer hub;
  ScriptedChannelLayer layer;
  std::vector<std::string_view> static_groups;
  std::unique_ptr<Host> host;
};

/// Obeys its client's messages, its events and its query: orders with "; " between them.
///
///     accept [SUBPROTOCOL] | deny STATUS | close [CODE [TEXT]] | send TEXT | throw TEXT | note TEXT
///     join GROUP | leave GROUP | wait GATE | publish GROUP TEXT | connected? | name
class Obedient : public Consumer {
 public:
  explicit Obedient(Story* story) : story_(*story) {}
  ~Obedient() override { story_.tell("gone"); }

  Task<> connect() override;
  Task<> receive(const Message& message) override;
  Task<> on_stop() override;
  Task<> disconnect(const CloseReason& reason) override;
  Task<> ordered(const Event& event);
  const EventHandlers& event_handlers() const override;
  std::span<const std::string_view> groups() const override { return story_.static_groups; }

 protected:
  Task<> obey(std::string orders);

 private:
  class Inside;
  Task<> obey_one(std::string verb, std::string rest);

  Story& story_;
  bool inside_ = false;
};

}  // namespace sluice::SLUICE_ABI::testing
