// SPDX-License-Identifier: MIT
// A server's share on one executor: the connections that live there, and what they have in common.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <asio/ip/tcp.hpp>

#include "net/admission.hpp"
#include "net/asio_executor.hpp"
#include "net/counters.hpp"
#include "net/deadline_list.hpp"
#include "net/rare_log.hpp"
#include "net/stream.hpp"
#include "net/write_queue.hpp"
#include "sluice/net/asio_server.hpp"
#include "sluice/ws/shared_deflate.hpp"

namespace sluice::net {

class AsioConnection;

/// What all shards of a server share. Fixed while it serves.
struct Serving {
  Gateway& gateway;
  const AsioServerOptions options;
  Admission admission;
};

/// Its executor only, except where it says otherwise.
class Shard : public std::enable_shared_from_this<Shard> {
 public:
  /// Which deadline a connection has.
  enum class Stage { handshake, open, closing };

  Shard(AsioExecutor& executor, Serving& serving);
  ~Shard();

  AsioExecutor& executor() noexcept { return executor_; }
  Gateway& gateway() noexcept { return serving_.gateway; }
  const AsioServerOptions& options() const noexcept { return serving_.options; }
  const Limits& limits() const noexcept { return serving_.options.limits; }
  Counters& counters() noexcept { return counters_; }  // reading them: any thread
  FrameBuffer& frames();
  ws::SharedDeflate& deflate();
  WriteQueue::Spares& spares() noexcept { return spares_; }
  /// One buffer for all reads: what it holds is used up before the next read.
  std::span<char> read_buffer();
  /// One buffer for what TLS gathers into a record.
  std::span<char> record_buffer();
  bool stopping() const noexcept { return stopping_; }
  bool torn_down() const noexcept { return torn_down_; }
  /// What a connection may gather before it writes within the turn, so that a flood does not pile up until its end.
  std::size_t most_gathered() const noexcept { return most_gathered_; }
  /// The current Date header, made once a second.
  const std::string& date();

  /// How many connections are here or on their way here. Any thread.
  std::size_t load() const noexcept { return load_.load(std::memory_order_relaxed); }
  /// Counts one that is handed over; start() follows on the shard's executor. Any thread.
  void expect_one() noexcept { load_.fetch_add(1, std::memory_order_relaxed); }
  /// A connection begins its life.
  void start(TcpSocket socket, const asio::ip::tcp::endpoint& peer, std::shared_ptr<const TlsSettings> tls);
  /// Puts the connection among those of the stage, with the stage's deadline from now.
  void enter(AsioConnection& connection, Stage stage);
  /// The connection will write at the end of this turn.
  void will_write(AsioConnection& connection);
  /// Counts a connection whose TLS has failed, and logs it if that is not too much.
  void tls_failed(std::string_view why);
  /// A connection is gone: its socket is closed.
  void left(bool seated) noexcept;

  /// Closes all connections, the last of them by the deadline, and then calls `when_empty` once.
  void stop(std::chrono::milliseconds deadline, std::function<void()> when_empty);
  /// Ends all connections and tells their events, in this call. No executor runs any more.
  void tear_down();

 private:
  void write_all();
  void arm_deadlines();
  void look_at_deadlines();
  std::vector<std::shared_ptr<AsioConnection>> present();
  void tell_if_empty();

  AsioExecutor& executor_;
  Serving& serving_;
  Counters counters_;
  FrameBuffer* frames_ = nullptr;
  WriteQueue::Spares spares_;
  std::unique_ptr<ws::SharedDeflate> deflate_;  // once a client has agreed on it
  std::unique_ptr<char[]> read_buffer_;
  std::unique_ptr<char[]> record_buffer_;
  RareLog tls_failures_;
  std::vector<AsioConnection*> writing_;  // have something to write at the end of the turn
  std::vector<AsioConnection*> written_;  // those in hand then
  DeadlineList handshakes_, opened_, closing_;
  Deadline::Time armed_for_ = Deadline::never;
  std::atomic<std::size_t> load_{0};
  std::size_t present_ = 0;
  std::size_t unseated_ = 0;
  const std::size_t most_gathered_;
  bool stopping_ = false;
  bool torn_down_ = false;
  std::function<void()> when_empty_;
  std::string date_;
  std::chrono::system_clock::time_point date_of_;
};

}  // namespace sluice::net
