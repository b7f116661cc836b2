// SPDX-License-Identifier: MIT
// A server's share on one executor: the connections that live there, and what they have in common.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <asio/ip/tcp.hpp>

#include "core/alarm_clock.hpp"
#include "net/admission.hpp"
#include "net/asio_executor.hpp"
#include "net/counters.hpp"
#include "net/deadline_list.hpp"
#include "net/deadline_wheel.hpp"
#include "net/drain_plan.hpp"
#include "net/keep_alive.hpp"
#include "net/poller.hpp"
#include "net/queued_bytes.hpp"
#include "net/rate_limiter.hpp"
#include "net/refusals.hpp"
#include "net/return_times.hpp"
#include "net/stream.hpp"
#include "net/websocket_limits.hpp"
#include "net/write_queue.hpp"
#include "sluice/core/rare_log.hpp"
#include "sluice/net/asio_server.hpp"
#include "ws/server_protocol.hpp"
#include "ws/shared_deflate.hpp"

namespace sluice::net {

class AsioConnection;

/// What a server holds for its clients: what they do not take, and what they sent and nobody has used yet.
enum class Held : std::uint8_t { queued, unused };

/// What all shards of a server share. Fixed while it serves.
struct Serving {
  Gateway& gateway;
  const AsioServerOptions options;
  Admission admission;
  Refusals refusals;
  QueuedBytes queued_bytes;
  QueuedBytes unused_bytes;
  ReturnTimes return_times;                 // of clients that are closed with 1013
  const std::function<void(Held)> relieve;  // called when what is held is past its limit; any thread
};

/// A connection as its acceptor hands it over. A value that moves.
struct AcceptedSocket {
  Stream stream;
  asio::ip::tcp::endpoint peer;
  std::shared_ptr<const TlsSettings> tls;  // null: the connection does not use TLS
  bool proxy_protocol;                     // a trusted peer begins it with a PROXY header
};

/// How the server stops.
struct Stopping {
  std::shared_ptr<DrainPlan> plan;
  CloseReason goodbye = StopOptions().reason;
  Deadline::Time end = Deadline::never;  // then what is left is cut off
};

/// Its executor only, except where it says otherwise.
class Shard : public std::enable_shared_from_this<Shard> {
 public:
  /// Which deadline a connection has.
  enum class Stage {
    handshake,
    handler,    // none: a request is in the application's hands
    throttled,  // a while from now
    closing,
  };

  Shard(AsioExecutor& executor, Serving& serving, std::size_t number);
  ~Shard();

  AsioExecutor& executor() noexcept { return executor_; }
  Gateway& gateway() noexcept { return serving_.gateway; }
  const AsioServerOptions& options() const noexcept { return serving_.options; }
  const Limits& limits() const noexcept { return serving_.options.limits; }
  Poller& poller() noexcept { return *poller_; }
  Refusals& refusals() noexcept { return serving_.refusals; }
  Counters& counters() noexcept { return counters_; }  // reading them: any thread
  FrameBuffer& frames();
  ws::SharedDeflate& deflate();
  WriteQueue::Spares& spares() noexcept { return spares_; }
  /// Few connections are in the middle of a message at the same time: a protocol machine is lent, and comes back empty.
  std::unique_ptr<ws::ServerProtocol> lend_protocol();
  void take_back(std::unique_ptr<ws::ServerProtocol> protocol) noexcept { spare_protocol_ = std::move(protocol); }
  /// One buffer for all reads: what it holds is used up before the next read.
  std::span<char> read_buffer();
  /// One buffer for what TLS gathers into a record.
  std::span<char> record_buffer();
  bool stopping() const noexcept { return stopping_.plan != nullptr; }
  /// What WebSockets are closed with while stopping.
  CloseReason goodbye() const {
    return stopping_.plan ? stopping_.plan->invite_back(stopping_.goodbye) : stopping_.goodbye;
  }
  /// The reason as it goes into a close frame: 1013 names the time after which the client may come back.
  CloseReason with_return_time(const CloseReason& reason) {
    return reason.code() == close_code::try_again_later ? serving_.return_times.invite_back(reason) : reason;
  }
  bool torn_down() const noexcept { return torn_down_; }
  /// What a connection may gather before it writes within the turn, so that a flood does not pile up until its end.
  std::size_t most_gathered() const noexcept { return most_gathered_; }
  /// The current Date header, made once a second.
  const std::string& date();

  /// How many connections are here or on their way here. Any thread.
  std::size_t load() const noexcept { return load_.load(std::memory_order_relaxed); }
  /// Counts one that is handed over; start() follows on the shard's executor. Any thread.
  void expect_one() noexcept { load_.fetch_add(1, std::memory_order_relaxed); }
  /// Another shard has taken it instead. Any thread.
  void expect_one_less() noexcept { load_.fetch_sub(1, std::memory_order_relaxed); }
  /// A connection begins its life. After tear_down(), and without memory for it, it ends at once.
  void start(AcceptedSocket accepted) noexcept;
  /// Counts a connection without a slot, which is answered with 503. False: there are too many of them, and this one is
  /// closed without an answer.
  bool admit_over_capacity() noexcept;
  /// Puts the connection among those of the stage, with the stage's deadline from now.
  void enter(AsioConnection& connection, Stage stage);
  /// Puts it among the open WebSockets, to be looked at again after this time; nothing: never.
  void enter_open(AsioConnection& connection, std::optional<std::chrono::milliseconds> look_after);

  /// The time, as it was when somebody last looked at the clock: a send need not.
  TokenBucket::Time look_at_clock();
  TokenBucket::Time now() const noexcept { return now_; }
  Tick tick() const noexcept { return tick_; }
  const RateLimits& rates() const noexcept { return rates_; }
  std::uint32_t random() noexcept { return static_cast<std::uint32_t>(random_()) << 1U; }
  LimitsNow limits_now() const noexcept { return {limits(), rates_, tick_, now_}; }

  /// The queue of a connection whose network takes no more was so long, and is so long now.
  void waiting_changed(std::size_t before, std::size_t after) noexcept {
    if (queued_bytes_.change(before, after)) serving_.relieve(Held::queued);
  }
  /// A connection had read so much that is not used yet, and now has so much.
  void unused_changed(std::size_t before, std::size_t after) noexcept {
    if (unused_bytes_.change(before, after)) serving_.relieve(Held::unused);
  }
  /// So much is read and unused that nobody should read ahead.
  bool crowded() const noexcept {
    const QueuedBytes& unused = serving_.unused_bytes;
    return unused.limit() > 0 && unused.bytes() > unused.limit() / 2;
  }
  QueueSizes sizes(Held what);
  /// Ends the connections that hold the most, so many of them.
  void shed(Held what, std::size_t count);

  /// The connection has had its share of this turn, and has more to do: it goes on in a turn of its own. All that do
  /// have a millisecond of each turn together, so that the others do not wait for them.
  void resume_later(std::shared_ptr<AsioConnection> connection);

  /// The connection will write at the end of this turn.
  void will_write(AsioConnection& connection);
  /// Counts a connection whose TLS has failed, and logs it if that is not too much.
  void tls_failed(std::string_view why);
  /// Where exceptions of the application go that clients can provoke.
  RareLog& failures() noexcept { return failures_; }
  /// A connection is gone: its socket is closed. At the end of this turn it is destroyed, unless somebody holds it.
  void left(AsioConnection& connection) noexcept;
  /// The last word of a connection that nobody holds any more. It may be the end of this shard, too.
  void forget() noexcept;

  /// Lets all connections go when the plan says, cuts off those that are left at the end, and calls `when_empty` once
  /// nobody holds one any more. Again: with an earlier end it counts beside the first, but for its `when_empty`. Where
  /// there is no memory to wait, it waits for memory.
  void stop(Stopping how, Function<void()> when_empty) noexcept;
  /// While stopping: the connection will be told to go away when the plan says, or then.
  void plan_to_go(AsioConnection& connection);
  void go_away_at(AsioConnection& connection, Deadline::Time when);
  /// A connection that only its handler keeps, which is destroyed when no executor runs any more.
  using Kept = std::weak_ptr<std::shared_ptr<AsioConnection>>;
  void keep(Kept connection);
  /// Ends all connections and tells their events, in this call. No executor runs any more.
  void tear_down();

 private:
  Admission::ConnectionSlot slot_for(const asio::ip::tcp::endpoint& peer);
  void uncount(bool had_slot) noexcept;
  void end_turn_soon();
  void end_turn() noexcept;
  void write_all() noexcept;
  void greedy_turn_soon();
  void greedy_turn();
  void arm_deadlines();
  void look_at_deadlines() noexcept;
  bool stood_still(Deadline::Time rang_for);
  template <class Visit>
  void each(Visit visit);
  void cut_off_all() noexcept;
  void give_up() noexcept;
  void tell_if_empty() noexcept;
  void tell_empty() noexcept;

  AsioExecutor& executor_;
  Serving& serving_;
  const std::shared_ptr<Poller> poller_;
  Counters counters_;
  FrameBuffer* frames_ = nullptr;
  WriteQueue::Spares spares_;
  std::unique_ptr<ws::ServerProtocol> spare_protocol_;
  std::unique_ptr<ws::SharedDeflate> deflate_;  // once a client has agreed on it
  std::unique_ptr<char[]> read_buffer_;
  std::unique_ptr<char[]> record_buffer_;
  RareLog tls_failures_{{.lines = 1}};
  RareLog failures_;                      // of the application's, with requests and handshakes
  std::vector<AsioConnection*> writing_;  // have something to write at the end of the turn
  std::vector<AsioConnection*> written_;  // those in hand then
  std::deque<std::shared_ptr<AsioConnection>> greedy_;
  bool greedy_turn_comes_ = false;
  DeadlineList handshakes_, handling_, throttled_, closing_;
  DeadlineList gone_;         // until the end of a turn
  bool end_of_turn_ = false;  // end_turn() is due
  DeadlineWheel opened_;
  AlarmClock alarms_;
  Deadline::Time judges_from_ = Deadline::Time::min();  // deadlines; later than now after a stall
  bool judges_later_ = false;
  const Deadline::Time born_;
  Deadline::Time now_;
  Tick tick_ = 0;
  const RateLimits rates_;
  QueuedBytes::Share queued_bytes_, unused_bytes_;
  std::minstd_rand random_{std::random_device{}()};
  std::atomic<std::size_t> load_{0};
  std::size_t held_ = 0;  // connections that somebody holds, of those that are gone too
  std::size_t over_capacity_ = 0;
  const std::size_t most_gathered_;
  Stopping stopping_;  // no plan: it serves
  bool torn_down_ = false;
  std::vector<Kept> kept_;
  std::size_t many_kept_ = 64;  // then those that are gone are looked for
  Function<void()> when_empty_;
  std::shared_ptr<Shard> until_forgotten_;  // this one, when connections may outlive the server
  std::string date_;
  std::chrono::system_clock::time_point date_of_;
};

}  // namespace sluice::net
