// SPDX-License-Identifier: MIT
// A channel layer for tests of its users: it records all calls, and fails or waits by script.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/abi.hpp"
#include "sluice/layer/channel_layer.hpp"
#include "sluice/observe/health.hpp"

namespace sluice::SLUICE_ABI::testing {

/// A layer in front of another one. Every operation is a line of the transcript, and can be made to fail:
///
///     ScriptedChannelLayer layer(real_layer);
///     layer.fail(2);   // open_channel works, the first group_add does not
///     ...
///     CHECK(layer.take_transcript() == "open_channel\ngroup_add lobby: layer_unavailable\nclose_channel");
///
/// Its channels and inboxes end before it. Threads as for ChannelLayer; fail, after, hold and release: any thread.
class SLUICE_API ScriptedChannelLayer final : public ChannelLayer {
 public:
  /// The layer behind it outlives it.
  explicit ScriptedChannelLayer(ChannelLayer& behind);
  ~ScriptedChannelLayer() override;

  /// The nth operation from now on fails with layer_unavailable: 1 is the next.
  void fail(std::size_t nth);
  /// The next operation whose line begins like this fails with layer_unavailable.
  void fail(std::string line);
  /// All operations fail with layer_unavailable, until it is called with false.
  void fail_all(bool failing = true);
  /// Calls `work` when the next group_add or group_discard with this line has been done, before its caller resumes:
  ///
  ///     layer.after("group_add lobby", [&] { revoke_permission(); });
  void after(std::string line, std::function<void()> work);
  /// From now on tasks wait; their operations run after release().
  void hold();
  void release();
  /// The calls so far, one line each; clears them.
  std::string take_transcript();

  Task<Result<Channel>> open_channel(Subscriber& subscriber) override;
  Task<Result<Inbox>> open_inbox(std::string_view channel) override;
  Result<void> group_send(std::string_view group, Event event) override;
  Result<void> send(std::string_view channel, Event event) override;
  /// In the transcript they are group_send and send.
  Task<Result<void>> group_send_when_room(std::string_view group, Event event) override;
  Task<Result<void>> send_when_room(std::string_view channel, Event event) override;
  Task<Result<std::size_t>> group_size(std::string_view group) override;
  Task<Result<std::vector<std::string>>> group_channels(std::string_view group) override;
  Task<Result<void>> flush() override;
  LayerStats stats() const override { return behind_.stats(); }
  std::vector<Problem> problems() const override { return behind_.problems(); }
  const void* origin() const noexcept override { return script_.get(); }

 private:
  class Script;

  ChannelLayer& behind_;
  std::shared_ptr<Script> script_;
};

}  // namespace sluice::SLUICE_ABI::testing
