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

#include "redis/serializer.hpp"
#include "sluice/core/completion.hpp"
#include "sluice/core/executor.hpp"
#include "sluice/redis/redis_options.hpp"
#include "sluice/redis/send_receipt.hpp"

namespace sluice::redis {

/// How much is on its way, and how much may be. Any thread.
class Gauge {
 public:
  Gauge(std::size_t most_events, std::size_t most_bytes) : most_events_(most_events), most_bytes_(most_bytes) {}

  /// One that is alone always fits.
  bool take(std::size_t bytes) noexcept {
    const std::size_t others = events_.fetch_add(1);
    const bool fits = bytes_.fetch_add(bytes) + bytes <= most_bytes_ && others < most_events_;
    if (fits || others == 0) return true;
    give_back(bytes);
    return false;
  }
  void give_back(std::size_t bytes) noexcept {
    events_.fetch_sub(1);
    bytes_.fetch_sub(bytes);
  }
  std::size_t events() const noexcept { return events_.load(std::memory_order_relaxed); }
  std::size_t bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }

  void count_undelivered() noexcept { undelivered_.fetch_add(1, std::memory_order_relaxed); }
  /// Publications that ended with an error, whatever the reason, since the layer was built.
  std::size_t undelivered() const noexcept { return undelivered_.load(std::memory_order_relaxed); }

 private:
  const std::size_t most_events_;
  const std::size_t most_bytes_;
  std::atomic<std::size_t> events_{0}, bytes_{0}, undelivered_{0};
};

using Receipt = Completion<Result<SendReceipt>>;

/// One group_send or send. It counts against the gauge for as long as it lives. Its executor only, once handed over.
class Publication {
 public:
  enum class To : std::uint8_t { group, channel };

  Publication(To to, std::string name, Body body, Executor::Clock::time_point expires, std::shared_ptr<Gauge> gauge,
              std::optional<Receipt> receipt)
      : to(to),
        name(std::move(name)),
        body(std::move(body)),
        expires(expires),
        gauge_(std::move(gauge)),
        bytes_(size_of(this->body)),
        receipt_(std::move(receipt)) {}
  Publication(const Publication&) = delete;
  Publication& operator=(const Publication&) = delete;
  /// The last part is done: the sender is told.
  ~Publication() {
    if (error_) gauge_->count_undelivered();
    gauge_->give_back(bytes_);
    if (receipt_) receipt_->resolve(error_ ? Result<SendReceipt>(*error_) : Result<SendReceipt>(sum_));
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
  const std::shared_ptr<Gauge> gauge_;
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
