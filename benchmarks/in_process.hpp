// SPDX-License-Identifier: MIT
// A host without sockets and threads: what is left to measure is the library.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/consumer/host.hpp"
#include "sluice/layer/in_memory_channel_layer.hpp"
#include "sluice/testing/manual_executor.hpp"
#include "sluice/transport/connection.hpp"

namespace bench {

/// A connection that swallows everything.
class NullConnection final : public sluice::Connection {
 public:
  void accept(const sluice::Acceptance&) override {}
  void deny(const sluice::Denial&) override {}
  void send(const sluice::Frame& frame) override { sent += frame.size(); }
  void close(const sluice::CloseReason&) override {}
  void pause_reading() override {}
  void resume_reading() override {}
  std::size_t queued_bytes() const noexcept override { return 0; }
  void tell_when_drained() override {}
  std::size_t sent = 0;
};

/// A host whose connections swallow everything. One thread at a time.
class House {
 public:
  explicit House(std::shared_ptr<sluice::Application> application, sluice::HostOptions options = {})
      : layer(executor), host(std::move(application), layer, options) {}
  House(const House&) = delete;
  House& operator=(const House&) = delete;
  ~House() { leave_all(); }

  /// One more connection, open when this returns.
  sluice::ConnectionEvents& enter(sluice::Scope scope = {}) {
    inside_.push_back(host.open(std::move(scope), std::make_shared<NullConnection>(), executor));
    executor.run_all();
    return *inside_.back();
  }
  /// What one of them says, `times` times, each handled when the next is said.
  void say(sluice::ConnectionEvents& who, std::string_view text, std::size_t times = 1) {
    executor.run([&] {
      for (std::size_t i = 0; i < times; ++i) who.on_message(sluice::Message::text(std::string(text)));
    });
  }
  void leave_all() {
    executor.run([&] {
      for (const auto& one : inside_) one->on_closed(sluice::CloseReason());
    });
    inside_.clear();
    executor.run_all();
  }
  std::size_t size() const noexcept { return inside_.size(); }

  sluice::testing::ManualExecutor executor;
  sluice::InMemoryChannelLayer layer;
  sluice::Host host;

 private:
  std::vector<std::shared_ptr<sluice::ConnectionEvents>> inside_;
};

}  // namespace bench
