// SPDX-License-Identifier: MIT
// One connection to a Redis server: the greeting, commands and their replies in order, and the deadline that detects a
// server that does not answer.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "redis/wire/resp.hpp"
#include "sluice/core/executor.hpp"
#include "sluice/core/function.hpp"
#include "sluice/transport/byte_stream.hpp"

namespace sluice::SLUICE_ABI::redis {

/// The first commands to a server (redis-wire R-7).
struct Greeting {
  std::string username = {};
  std::string password = {};
  unsigned database = 0;
  bool want_master = false;  // a server that is no master counts as lost, now and whenever ask_role() detects it
};

// The most that a connection takes before Redis has answered some of it.
inline constexpr std::size_t most_unwritten = 256 * 1024;
inline constexpr std::size_t most_unanswered = 4096;

/// One connection. It never calls back from inside request(). Its executor only.
class Link final : public StreamEvents, public std::enable_shared_from_this<Link> {
 public:
  /// Called once: with Redis's reply, which may be an error, or with an Error when the connection was lost before. The
  /// command may have been executed even so.
  using Answer = Function<void(const Result<Reply>&)>;
  struct Events {
    Function<void()> ready;
    Function<void(const Error&)> lost;         // the last call; not after close()
    Function<void(const Reply&)> pushed = {};  // messages of subscriptions; without it none may be made
    Function<void()> caught_up = {};           // all data that had arrived was delivered
  };

  /// Dials. Without an answer for `answer_time` the link is lost: to the dial, to the greeting, or to any command.
  static std::shared_ptr<Link> open(Dialer& dialer, const Endpoint& to, Executor& executor, Greeting greeting,
                                    std::chrono::milliseconds answer_time, Events events);
  Link(Executor& executor, Greeting greeting, std::chrono::milliseconds answer_time, Events events);

  /// Sends a command. All of one turn leave together. `blocks`: how long the command may block.
  void request(const Command& command, Answer answer, std::chrono::milliseconds blocks = {});
  /// If a master is required: checks that it still is one. A server that refuses the command counts as one.
  void ask_role();
  /// Stops reading until resume_reading(). Pending answers wait as well, and no deadline passes meanwhile.
  void pause_reading();
  void resume_reading();
  bool paused() const noexcept { return paused_; }
  /// Ends it. Pending requests get an Error, now.
  void close(std::string_view why);

  bool ready() const noexcept { return phase_ == Phase::ready; }
  /// The time of the last bytes.
  Executor::Clock::time_point last_received() const noexcept { return last_heard_; }
  /// True if it takes more commands. False once it is lost, also during the callback.
  bool has_room() const noexcept {
    return ready() && waiting_.size() < most_unanswered && out_.size() + stream_->unwritten() < most_unwritten;
  }

  void on_open() override;
  void on_bytes(std::string_view bytes) override;
  void on_closed(const Error& error) override;

 private:
  enum class Phase : std::uint8_t { dialling, greeting, ready, over };
  struct Waiting {
    Answer answer;
    Executor::Clock::time_point since;
    std::chrono::milliseconds blocks;
    bool unsubscribes;
  };

  void greet();
  void greeted(const Result<Reply>& reply, std::string_view what);
  void send(const Command& command, Answer answer, std::chrono::milliseconds blocks);
  void flush();
  void take(Reply reply);
  bool is_pushed(const Reply& reply) const;
  void watch();
  void look_at_the_clock();
  void check_role(const Result<Reply>& reply);
  bool asks_role() const noexcept { return greeting_.want_master && reports_role_; }
  void lose(const Error& error);
  void end(const Error& error);

  Executor& executor_;
  const Greeting greeting_;
  const std::chrono::milliseconds answer_time_;
  Events events_;
  std::unique_ptr<ByteStream> stream_;
  ReplyReader reader_;
  std::string out_;
  std::deque<Waiting> waiting_;
  Executor::Clock::time_point last_heard_;
  Phase phase_ = Phase::dialling;
  bool reports_role_ = true;  // until it has refused
  bool paused_ = false;
};

/// An error reply, or one of a kind that was not expected, as an Error.
Error unexpected(std::string_view what, const Reply& reply);

}  // namespace sluice::SLUICE_ABI::redis
