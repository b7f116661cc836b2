// SPDX-License-Identifier: MIT
#include "net/shard.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <asio/ip/tcp.hpp>
#include <utility>

#include "net/asio_connection.hpp"
#include "net/tls_session.hpp"
#include "sluice/core/log.hpp"
#include "sluice/ws/http_response.hpp"

namespace sluice::net {
namespace {

constexpr std::size_t read_buffer_bytes = 64 * 1024;
constexpr std::size_t gathered_bytes = 256 * 1024;
// Connections past a limit are told 503 while they are few, and closed without a word when they are a flood.
constexpr std::size_t most_unseated = 64;

AsioConnection& connection_of(Deadline& deadline) noexcept { return static_cast<AsioConnection&>(deadline); }

}  // namespace

Shard::Shard(AsioExecutor& executor, Serving& serving)
    : executor_(executor),
      serving_(serving),
      most_gathered_(std::min(gathered_bytes, serving.options.limits.queued_bytes)) {}

Shard::~Shard() = default;

FrameBuffer& Shard::frames() {
  if (!frames_) frames_ = &executor_.local<FrameBuffer>();
  return *frames_;
}

ws::SharedDeflate& Shard::deflate() {
  if (!deflate_) deflate_ = std::make_unique<ws::SharedDeflate>(options().deflate);
  return *deflate_;
}

std::span<char> Shard::read_buffer() {
  if (!read_buffer_) read_buffer_ = std::make_unique_for_overwrite<char[]>(read_buffer_bytes);
  return {read_buffer_.get(), read_buffer_bytes};
}

std::span<char> Shard::record_buffer() {
  if (!record_buffer_) record_buffer_ = std::make_unique_for_overwrite<char[]>(TlsSession::record_bytes);
  return {record_buffer_.get(), TlsSession::record_bytes};
}

const std::string& Shard::date() {
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  if (date_.empty() || now != date_of_) {
    date_of_ = now;
    date_ = ws::http_date(now);
  }
  return date_;
}

void Shard::start(TcpSocket socket, const asio::ip::tcp::endpoint& peer, std::shared_ptr<const TlsSettings> tls) {
  counters_.accepted.add();
  const bool counts_addresses = limits().connections_per_address > 0;
  auto seat = serving_.admission.enter(counts_addresses ? peer.address().to_string() : std::string());
  const bool seated = static_cast<bool>(seat);
  if (stopping_ || (!seated && unseated_ >= most_unseated)) {
    if (!seated) counters_.count_refusal(503);
    load_.fetch_sub(1, std::memory_order_relaxed);
    return;
  }
  if (!seated) ++unseated_;
  ++present_;
  counters_.connections.add();
  Stream stream(std::move(socket));
  if (tls) stream.speak_tls(std::move(tls), record_buffer());
  auto connection = std::make_shared<AsioConnection>(*this, std::move(stream), std::move(seat), peer);
  connection->start(connection);
}

void Shard::tls_failed(std::string_view why) {
  counters_.tls_failed.add();
  const auto untold = tls_failures_.event(executor_.now());
  if (!untold) return;
  const std::string others = *untold > 0 ? fmt::format(" ({} more since the last such line)", *untold) : "";
  log(LogLevel::info, fmt::format("tls: a connection failed: {}{}", why, others));
}

void Shard::left(bool seated) noexcept {
  if (!seated) --unseated_;
  --present_;
  counters_.connections.subtract();
  load_.fetch_sub(1, std::memory_order_relaxed);
  tell_if_empty();
}

void Shard::enter(AsioConnection& connection, Stage stage) {
  const auto now = executor_.now();
  switch (stage) {
    case Stage::handshake: handshakes_.add(connection, now + limits().handshake_time); break;
    case Stage::open: opened_.add(connection, Deadline::never); break;
    case Stage::closing: closing_.add(connection, now + limits().close_time); break;
  }
  arm_deadlines();
}

void Shard::arm_deadlines() {
  const auto next = std::min(handshakes_.next_due(), closing_.next_due());
  if (next >= armed_for_) return;
  armed_for_ = next;
  executor_.post_after(next - executor_.now(), [weak = weak_from_this()] {
    if (const auto shard = weak.lock()) shard->look_at_deadlines();
  });
}

void Shard::look_at_deadlines() {
  armed_for_ = Deadline::never;
  const auto now = executor_.now();
  for (DeadlineList* list : {&handshakes_, &closing_}) {
    // Whoever is told leaves the list, or goes to its back with a later deadline.
    while (list->next_due() <= now) connection_of(*list->front()).deadline_passed();
  }
  arm_deadlines();
}

void Shard::will_write(AsioConnection& connection) {
  if (writing_.empty()) {
    executor_.at_end_of_turn([weak = weak_from_this()] {
      if (const auto shard = weak.lock()) shard->write_all();
    });
  }
  writing_.push_back(&connection);
}

void Shard::write_all() {
  written_.swap(writing_);
  for (AsioConnection* connection : written_) connection->end_turn();
  written_.clear();
  if (deflate_) deflate_->settle();
}

std::vector<std::shared_ptr<AsioConnection>> Shard::present() {
  std::vector<std::shared_ptr<AsioConnection>> all;
  for (DeadlineList* list : {&handshakes_, &opened_, &closing_}) {
    for (Deadline* item = list->front(); item; item = list->after(*item)) all.push_back(connection_of(*item).self());
  }
  return all;
}

void Shard::stop(std::chrono::milliseconds deadline, std::function<void()> when_empty) {
  stopping_ = true;
  when_empty_ = std::move(when_empty);
  for (const auto& connection : present()) connection->go_away();
  executor_.post_after(deadline, [weak = weak_from_this()] {
    const auto shard = weak.lock();
    if (!shard) return;
    for (const auto& connection : shard->present()) connection->cut_off();
  });
  tell_if_empty();
}

void Shard::tell_if_empty() {
  if (stopping_ && present_ == 0 && when_empty_) executor_.post(std::exchange(when_empty_, nullptr));
}

void Shard::tear_down() {
  const auto running = executor_.enter();
  stopping_ = torn_down_ = true;
  for (const auto& connection : present()) connection->cut_off();
}

}  // namespace sluice::net
