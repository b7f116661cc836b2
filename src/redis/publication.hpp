// SPDX-License-Identifier: MIT
// An event on its way to Redis, from the call that sent it until Redis has answered.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "layer/hub/room.hpp"
#include "redis/codec/serializer.hpp"
#include "sluice/core/completion.hpp"
#include "sluice/core/executor.hpp"
#include "sluice/redis/redis_options.hpp"
#include "sluice/redis/send_receipt.hpp"

namespace sluice::redis {

/// What is on its way to Redis, with its bound, and how much did not arrive there. Any thread.
struct Road {
  Road(std::size_t most_events, std::size_t most_bytes) : room(most_events, most_bytes) {}

  Room room;
  std::atomic<std::size_t> undelivered{0};  // publications that failed or found a place full, since the layer was built
};

using Receipt = Completion<Result<SendReceipt>>;

/// One group_send or send. It takes room on the road for as long as it lives. Its executor only, once handed over.
class Publication {
 public:
  enum class To : std::uint8_t { group, channel };

  Publication(To to, std::string name, Body body, Executor::Clock::time_point expires, std::shared_ptr<Road> road,
              std::optional<Receipt> receipt)
      : to(to),
        name(std::move(name)),
        body(std::move(body)),
        expires(expires),
        road_(std::move(road)),
        bytes_(size_of(this->body)),
        receipt_(std::move(receipt)) {}
  Publication(const Publication&) = delete;
  Publication& operator=(const Publication&) = delete;
  /// The last part is done: the sender is told.
  ~Publication() {
    if (error_ || sum_.full > 0) road_->undelivered.fetch_add(1, std::memory_order_relaxed);
    if (receipt_) receipt_->resolve(error_ ? Result<SendReceipt>(*error_) : Result<SendReceipt>(sum_));
    road_->room.give_back(1, bytes_);
  }

  const To to;
  const std::string name;
  const Body body;
  const Executor::Clock::time_point expires;

  void reached(std::size_t places) noexcept { sum_.reached += places; }
  void full(std::size_t places) noexcept { sum_.full += places; }
  void failed(Error error) { error_.emplace(std::move(error)); }

  static std::size_t size_of(const Body& body) noexcept { return body.members.size(); }

 private:
  const std::shared_ptr<Road> road_;
  const std::size_t bytes_;
  std::optional<Receipt> receipt_;
  SendReceipt sum_;
  std::optional<Error> error_;
};

/// The call that made it.
inline std::string_view name_of(Publication::To to) noexcept {
  return to == Publication::To::group ? "group_send" : "send";
}

/// One key that gets a message, and for whom it is there.
struct Target {
  std::string key;
  std::size_t capacity;
  Addressing addressing;
  std::vector<std::string> channels;
};

/// A publication, or the part of it that one host gets.
struct Outgoing {
  std::shared_ptr<Publication> publication;
  std::vector<Target> targets = {};  // none: a group's members are still to be looked up
};

}  // namespace sluice::redis
