// SPDX-License-Identifier: MIT
#include "sluice/testing/scripted_stream.hpp"

#include <algorithm>
#include <utility>

namespace sluice::SLUICE_ABI::testing {

struct ScriptedFaults {
  std::size_t operations = 0;
  std::size_t fail_at = 0;
  std::size_t piece = 0;
  std::chrono::nanoseconds delay{0};
  bool held = false;
  bool refused = false;
};

class ScriptedPeer::Stream final : public ByteStream {
 public:
  explicit Stream(std::shared_ptr<ScriptedPeer> peer) : peer_(std::move(peer)) {}
  ~Stream() override { peer_->leave(); }

  void write(std::string bytes) override {
    if (peer_->gone()) return;
    peer_->unwritten_ += bytes.size();
    peer_->queue(Operation::write, std::move(bytes));
  }
  std::size_t unwritten() const noexcept override { return peer_->unwritten_; }
  void pause_reading() override { peer_->paused_ = true; }
  void resume_reading() override {
    peer_->paused_ = false;
    peer_->go_on();
  }

 private:
  std::shared_ptr<ScriptedPeer> peer_;
};

std::unique_ptr<ByteStream> ScriptedPeer::open(std::shared_ptr<ScriptedPeer> peer) {
  auto stream = std::make_unique<Stream>(peer);
  peer->queue(Operation::open, {});
  return stream;
}

ScriptedPeer::ScriptedPeer(std::shared_ptr<ScriptedFaults> faults, const Endpoint& endpoint, Executor& executor,
                           StreamEvents& events)
    : faults_(std::move(faults)), endpoint_(endpoint), executor_(executor), events_(&events) {}

void ScriptedPeer::send(std::string bytes) { queue(Operation::read, std::move(bytes)); }

void ScriptedPeer::close(std::string why) { queue(Operation::close, std::move(why)); }

void ScriptedPeer::queue(Operation operation, std::string bytes) {
  if (gone()) return;
  const std::size_t piece = faults_->piece;
  if (piece == 0 || (operation != Operation::write && operation != Operation::read)) {
    steps_.push_back({operation, std::move(bytes)});
  } else {
    for (std::size_t at = 0; at < bytes.size(); at += piece) steps_.push_back({operation, bytes.substr(at, piece)});
  }
  go_on();
}

std::deque<ScriptedPeer::Step>::iterator ScriptedPeer::first_step() {
  if (!paused_) return steps_.begin();
  return std::ranges::find_if(
      steps_, [](Operation operation) { return operation == Operation::open || operation == Operation::write; },
      &Step::operation);
}

void ScriptedPeer::go_on() {
  if (going_ || first_step() == steps_.end() || faults_->held) return;
  going_ = true;
  executor_.post_after(faults_->delay, [self = shared_from_this()] {
    self->going_ = false;
    self->next();
  });
}

void ScriptedPeer::next() {
  const auto first = first_step();
  if (gone() || faults_->held || first == steps_.end()) return;
  const Step step = std::move(*first);
  steps_.erase(first);
  go_on();
  if (step.operation == Operation::close) return end(step.bytes);
  if (++faults_->operations == faults_->fail_at) return end("broken by the test");
  switch (step.operation) {
    case Operation::open:
      if (faults_->refused) return end("connection refused");
      return events_->on_open();
    case Operation::write:
      unwritten_ -= step.bytes.size();
      if (on_bytes) on_bytes(step.bytes);
      return;
    default: return events_->on_bytes(step.bytes);
  }
}

void ScriptedPeer::end(std::string why) {
  StreamEvents* events = events_;
  leave();
  events->on_closed(Error(ErrorCode::io_failed, endpoint_.to_string() + ": " + std::move(why)));
}

void ScriptedPeer::leave() {
  if (gone()) return;
  events_ = nullptr;
  steps_.clear();
  unwritten_ = 0;
  if (on_gone) std::exchange(on_gone, nullptr)();
}

ScriptedDialer::ScriptedDialer(Serve serve) : serve_(std::move(serve)), faults_(std::make_shared<ScriptedFaults>()) {}

ScriptedDialer::~ScriptedDialer() = default;

std::unique_ptr<ByteStream> ScriptedDialer::dial(const Endpoint& to, Executor& executor, StreamEvents& events) {
  ++dials_;
  std::erase_if(peers_, [](const auto& peer) { return peer.expired(); });
  auto peer = std::make_shared<ScriptedPeer>(faults_, to, executor, events);
  peers_.push_back(peer);
  serve_(peer);
  return ScriptedPeer::open(std::move(peer));
}

void ScriptedDialer::fail_at(std::size_t operation) { faults_->fail_at = faults_->operations + operation; }
std::size_t ScriptedDialer::operations() const noexcept { return faults_->operations; }
void ScriptedDialer::split(std::size_t bytes) { faults_->piece = bytes; }
void ScriptedDialer::delay(std::chrono::nanoseconds time) { faults_->delay = time; }
void ScriptedDialer::hold() { faults_->held = true; }
void ScriptedDialer::refuse(bool refused) { faults_->refused = refused; }

void ScriptedDialer::release() {
  faults_->held = false;
  for (const auto& weak : peers_) {
    if (const auto peer = weak.lock()) peer->go_on();
  }
}

void ScriptedDialer::break_all(std::string_view why) {
  for (const auto& weak : peers_) {
    if (const auto peer = weak.lock()) peer->close(std::string(why));
  }
}

}  // namespace sluice::SLUICE_ABI::testing
