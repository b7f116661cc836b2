// SPDX-License-Identifier: MIT
#include "sluice/testing/scripted_channel_layer.hpp"

#include <fmt/format.h>

#include <mutex>
#include <optional>
#include <utility>

#include "sluice/core/completion.hpp"

namespace sluice::SLUICE_ABI::testing {

class ScriptedChannelLayer::Script {
 public:
  /// Records the operation; an Error when it is its turn to fail.
  Result<void> ask(std::string line) {
    std::lock_guard lock(mutex_);
    const bool fails = failing_ || (until_failure_ > 0 && --until_failure_ == 0) || is_to_fail(line);
    write(fails ? line + ": layer_unavailable" : line);
    if (!fails) return {};
    return Error(ErrorCode::layer_unavailable, std::move(line) + ": the script says so");
  }
  void record(std::string_view line) {
    std::lock_guard lock(mutex_);
    write(line);
  }

  /// The operation was passed on, and has ended.
  void done(std::string_view line) {
    std::function<void()> work;
    {
      std::lock_guard lock(mutex_);
      if (!work_ || line != awaited_) return;
      work = std::exchange(work_, nullptr);
    }
    work();
  }

  void fail(std::string line) {
    std::lock_guard lock(mutex_);
    to_fail_ = std::move(line);
  }
  void after(std::string line, std::function<void()> work) {
    std::lock_guard lock(mutex_);
    awaited_ = std::move(line);
    work_ = std::move(work);
  }
  void fail(std::size_t nth) {
    std::lock_guard lock(mutex_);
    until_failure_ = nth;
  }
  void fail_all(bool failing) {
    std::lock_guard lock(mutex_);
    failing_ = failing;
  }
  std::string take_transcript() {
    std::lock_guard lock(mutex_);
    return std::exchange(transcript_, {});
  }

  void hold() {
    std::lock_guard lock(mutex_);
    held_.emplace();
  }
  void release() {
    std::optional<std::vector<Completion<std::monostate>>> held;
    {
      std::lock_guard lock(mutex_);
      held = std::exchange(held_, std::nullopt);
    }
    if (!held) return;
    for (const auto& waiting : *held) waiting.resolve({});
  }
  Task<> pass() {
    std::optional<Completion<std::monostate>> gate;
    {
      std::lock_guard lock(mutex_);
      if (held_) gate = held_->emplace_back();
    }
    if (gate) co_await *gate;
  }

 private:
  bool is_to_fail(std::string_view line) {
    if (!to_fail_ || !line.starts_with(*to_fail_)) return false;
    to_fail_.reset();
    return true;
  }
  void write(std::string_view line) {
    if (!transcript_.empty()) transcript_ += '\n';
    transcript_ += line;
  }

  std::mutex mutex_;
  std::string transcript_;
  std::optional<std::string> to_fail_;
  std::string awaited_;
  std::function<void()> work_;  // null: nothing is awaited
  std::optional<std::vector<Completion<std::monostate>>> held_;
  std::size_t until_failure_ = 0;
  bool failing_ = false;
};

namespace {

// A channel of the layer behind, which records joins, leaves and its end.
template <class Script>
class ScriptedMembership final : public Channel::Membership {
 public:
  ScriptedMembership(std::shared_ptr<Script> script, Channel behind)
      : script_(std::move(script)), behind_(std::move(behind)) {}
  ~ScriptedMembership() override { script_->record("close_channel"); }

  std::string name() const override { return behind_.name(); }
  std::size_t capacity() const noexcept override { return behind_.capacity(); }
  std::size_t group_count() const noexcept override { return behind_.group_count(); }
  bool in_group(std::string_view group) const noexcept override { return behind_.in_group(group); }
  void leave_groups() override {
    script_->record("leave_groups");
    behind_.leave_groups();
  }
  Task<Result<void>> join(std::string_view group) override {
    co_await script_->pass();
    const std::string line = fmt::format("group_add {}", group);
    if (auto asked = script_->ask(line); !asked) co_return asked.error();
    auto done = co_await behind_.end().join(group);
    script_->done(line);
    co_return done;
  }
  Task<Result<void>> leave(std::string_view group) override {
    co_await script_->pass();
    const std::string line = fmt::format("group_discard {}", group);
    if (auto asked = script_->ask(line); !asked) co_return asked.error();
    auto done = co_await behind_.end().leave(group);
    script_->done(line);
    co_return done;
  }
  const void* origin() const noexcept override { return script_.get(); }

 private:
  const std::shared_ptr<Script> script_;
  Channel behind_;
};

// The same for an inbox.
template <class Script>
class ScriptedReader final : public Inbox::Reader {
 public:
  ScriptedReader(std::shared_ptr<Script> script, Inbox behind)
      : script_(std::move(script)), behind_(std::move(behind)) {}

  std::string_view name() const noexcept override { return behind_.name(); }
  Task<Result<Event>> receive() override { return behind_.receive(); }
  std::optional<Event> poll() override { return behind_.poll(); }
  Task<Result<void>> join(std::string_view group) override {
    co_await script_->pass();
    const std::string line = fmt::format("group_add {} {}", group, name());
    if (auto asked = script_->ask(line); !asked) co_return asked.error();
    auto done = co_await behind_.end().join(group);
    script_->done(line);
    co_return done;
  }
  Task<Result<void>> leave(std::string_view group) override {
    co_await script_->pass();
    const std::string line = fmt::format("group_discard {} {}", group, name());
    if (auto asked = script_->ask(line); !asked) co_return asked.error();
    auto done = co_await behind_.end().leave(group);
    script_->done(line);
    co_return done;
  }
  const void* origin() const noexcept override { return script_.get(); }

 private:
  const std::shared_ptr<Script> script_;
  Inbox behind_;
};

}  // namespace

ScriptedChannelLayer::ScriptedChannelLayer(ChannelLayer& behind)
    : behind_(behind), script_(std::make_shared<Script>()) {}
ScriptedChannelLayer::~ScriptedChannelLayer() = default;

void ScriptedChannelLayer::fail(std::size_t nth) { script_->fail(nth); }
void ScriptedChannelLayer::fail(std::string line) { script_->fail(std::move(line)); }
void ScriptedChannelLayer::after(std::string line, std::function<void()> work) {
  script_->after(std::move(line), std::move(work));
}
void ScriptedChannelLayer::fail_all(bool failing) { script_->fail_all(failing); }
void ScriptedChannelLayer::hold() { script_->hold(); }
void ScriptedChannelLayer::release() { script_->release(); }
std::string ScriptedChannelLayer::take_transcript() { return script_->take_transcript(); }

Task<Result<Channel>> ScriptedChannelLayer::open_channel(Subscriber& subscriber) {
  co_await script_->pass();
  if (auto asked = script_->ask("open_channel"); !asked) co_return asked.error();
  auto opened = co_await behind_.open_channel(subscriber);
  if (!opened) co_return opened.error();
  co_return Channel(std::make_unique<ScriptedMembership<Script>>(script_, std::move(*opened)));
}

Task<Result<Inbox>> ScriptedChannelLayer::open_inbox(std::string_view channel) {
  co_await script_->pass();
  if (auto asked = script_->ask(fmt::format("open_inbox {}", channel)); !asked) co_return asked.error();
  auto opened = co_await behind_.open_inbox(channel);
  if (!opened) co_return opened.error();
  co_return Inbox(std::make_unique<ScriptedReader<Script>>(script_, std::move(*opened)));
}

Result<void> ScriptedChannelLayer::group_send(std::string_view group, Event event) {
  if (auto asked = script_->ask(fmt::format("group_send {} {}", group, event.text().view())); !asked) return asked;
  return behind_.group_send(group, std::move(event));
}

Result<void> ScriptedChannelLayer::send(std::string_view channel, Event event) {
  if (auto asked = script_->ask(fmt::format("send {} {}", channel, event.text().view())); !asked) return asked;
  return behind_.send(channel, std::move(event));
}

Task<Result<void>> ScriptedChannelLayer::group_send_when_room(std::string_view group, Event event) {
  if (auto asked = script_->ask(fmt::format("group_send {} {}", group, event.text().view())); !asked) return asked;
  return behind_.group_send_when_room(group, std::move(event));
}

Task<Result<void>> ScriptedChannelLayer::send_when_room(std::string_view channel, Event event) {
  if (auto asked = script_->ask(fmt::format("send {} {}", channel, event.text().view())); !asked) return asked;
  return behind_.send_when_room(channel, std::move(event));
}

Task<Result<std::size_t>> ScriptedChannelLayer::group_size(std::string_view group) {
  co_await script_->pass();
  if (auto asked = script_->ask(fmt::format("group_size {}", group)); !asked) co_return asked.error();
  co_return co_await behind_.group_size(group);
}

Task<Result<std::vector<std::string>>> ScriptedChannelLayer::group_channels(std::string_view group) {
  co_await script_->pass();
  if (auto asked = script_->ask(fmt::format("group_channels {}", group)); !asked) co_return asked.error();
  co_return co_await behind_.group_channels(group);
}

Task<Result<void>> ScriptedChannelLayer::flush() {
  co_await script_->pass();
  if (auto asked = script_->ask("flush"); !asked) co_return asked;
  co_return co_await behind_.flush();
}

}  // namespace sluice::SLUICE_ABI::testing
