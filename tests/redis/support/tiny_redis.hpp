// SPDX-License-Identifier: MIT
// A Redis in a few lines, for tests without a server: the commands that the layers use, and nothing else.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "redis/wire/resp.hpp"
#include "sluice/testing/scripted_stream.hpp"

namespace sluice::SLUICE_ABI::redis {

/// Sorted sets, blocking reads and pub/sub. Several streams are several clients. One thread at a time.
///
///     TinyRedis redis(executor);
///     testing::ScriptedDialer dialer(redis.server());
class TinyRedis {
 public:
  /// The executor is its clock.
  explicit TinyRedis(Executor& executor) : executor_(executor) {}

  testing::ScriptedDialer::Serve server();

  /// Forgets everything, as a restart without a disk does.
  void forget();
  /// Commands are answered with this error from now on; empty: with their own replies.
  void fail_with(std::string error) { failure_ = std::move(error); }
  /// This command is answered with this error from now on.
  void refuse(const std::string& command, std::string error) { refused_[command] = std::move(error); }
  /// Clients that hang up from now on stay, as with a wire that was cut: what is sent to them is lost.
  void hear_no_ends(bool deaf) { deaf_ = deaf; }
  /// What it sends to clients that wait for messages is lost from now on, and so is what those ask: a line that is
  /// half-open, a reader that stands still.
  void lose_readers();
  /// Its role, by default "master".
  void play(std::string role) { role_ = std::move(role); }
  /// It is a sentinel as well, and names this host, at port 6379, as the master.
  void name_master(std::string host) { master_ = std::move(host); }
  /// As an ACL with a prefix does.
  void refuse_patterns() { refuses_patterns_ = true; }
  void require_password(std::string password) { password_ = std::move(password); }

  std::vector<std::string> keys() const;
  std::vector<std::string> members(const std::string& key) const;
  std::vector<std::string> subscriptions() const;
  /// The first words of all commands so far, greetings, pings and probes aside.
  const std::vector<std::string>& commands() const noexcept { return commands_; }
  /// How many probes processes have sent to themselves.
  std::size_t probes() const noexcept { return probes_; }
  std::size_t clients() const noexcept { return clients_.size(); }
  /// As another client would.
  std::string run(std::vector<std::string> words);

 private:
  struct Client {
    std::int64_t id;
    std::weak_ptr<testing::ScriptedPeer> peer;
    ReplyReader reader;
    std::deque<std::vector<std::string>> waiting;  // behind a command that blocks
    std::vector<std::string> blocked_on;           // keys
    std::uint64_t blocks = 0;                      // how often it did
    std::set<std::string> channels, patterns;
    bool authenticated = false;
    bool unreachable = false;
  };
  using ClientPlace = std::list<Client>::iterator;
  using Set = std::map<std::string, double>;

  void take(Client& client, std::string_view bytes);
  void serve(Client& client);
  void block(Client& client, const std::vector<std::string>& words);
  void unblock(Client& client);
  std::string answer(Client& client, const std::vector<std::string>& words);
  std::string write(const std::vector<std::string>& words);
  std::string look(const std::vector<std::string>& words);
  std::string store(const std::vector<std::string>& words);
  std::string missing(const std::vector<std::string>& words);
  std::string subscribe(Client& client, const std::vector<std::string>& words);
  std::string publish(const std::string& channel, const std::string& message);
  std::string pop(const std::string& key, bool with_key, std::size_t most);
  void wake();

  Executor& executor_;
  std::map<std::string, Set> sets_;
  std::list<Client> clients_;
  std::vector<std::string> commands_;
  std::size_t probes_ = 0;
  std::string failure_;
  std::map<std::string, std::string> refused_;
  std::string password_;
  std::string role_ = "master";
  std::string master_;
  bool deaf_ = false;
  bool refuses_patterns_ = false;
  std::int64_t last_id_ = 0;
  const std::shared_ptr<TinyRedis> alive_{this, [](TinyRedis*) {}};  // for what waits in the executor
};

}  // namespace sluice::SLUICE_ABI::redis
