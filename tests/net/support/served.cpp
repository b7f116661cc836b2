// SPDX-License-Identifier: MIT
#include "net/support/served.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <future>
#include <stdexcept>

#include "support/eventually.hpp"

namespace sluice::test {

void Transcript::add(std::string line) {
  std::lock_guard lock(mutex_);  // until told: who waits may destroy this right after
  lines_.push_back(std::move(line));
  added_.notify_all();
}

bool Transcript::has(std::string_view line) const {
  std::unique_lock lock(mutex_);
  return added_.wait_for(lock, patience, [&] { return std::ranges::find(lines_, line) != lines_.end(); });
}

std::vector<std::string> Transcript::lines() const {
  std::lock_guard lock(mutex_);
  return lines_;
}

void Door::fill(std::size_t queued) {
  while (connection && connection->queued_bytes() < queued) say(std::string(1'000, 'x'));
}

void Door::on_message(Message message) {
  gateway.heard.add("said " + std::string(message.data().substr(0, 100)));
  gateway.when_said(*this, std::move(message));
}

void Door::on_drained() { gateway.heard.add("drained"); }

void Door::on_closed(const CloseReason& reason) {
  connection = nullptr;
  const std::string text = reason.text().empty() ? "" : " " + reason.text();
  gateway.heard.add("closed " + std::to_string(reason.code()) + text);
}

void Door::on_stop(const CloseReason& reason) {
  gateway.heard.add("stop");
  gateway.when_stopped(*this, reason);
}

std::shared_ptr<ConnectionEvents> TestGateway::open(Scope scope, std::shared_ptr<Connection> connection,
                                                    Executor& executor) {
  const std::string path(scope.path());
  auto door = std::make_shared<Door>(*this, std::move(scope), std::move(connection), executor);
  {
    std::lock_guard lock(mutex_);
    doors_[path] = door;
  }
  heard.add("open " + path);
  when_opened(*door);
  return door;
}

std::shared_ptr<Door> TestGateway::find(const std::string& path) {
  std::lock_guard lock(mutex_);
  return doors_[path].lock();
}

void TestGateway::with(const std::string& path, std::function<void(Door&)> what) {
  const auto door = find(path);
  if (!door) throw std::runtime_error("no open connection " + path);
  run_on(door->executor, [&] { what(*door); });
}

void run_on(Executor& executor, std::function<void()> what) {
  auto done = std::make_shared<std::promise<void>>();
  executor.post([done, &what] {
    what();
    done->set_value();
  });
  // Who gives up here leaves a job behind that refers to what is gone: better end the program.
  if (done->get_future().wait_for(patience) != std::future_status::ready) std::abort();
}

BlockingClient Served::enter(std::string_view path, int receive_buffer) const {
  BlockingClient client(port, receive_buffer);
  const std::string answer = client.upgrade(path);
  if (!answer.starts_with("HTTP/1.1 101 ")) throw std::runtime_error("the upgrade was answered " + answer);
  return client;
}

bool Served::comes_to(const std::function<bool(const ServerStats&)>& state) const {
  return eventually([&] { return state(server.stats()); });
}

}  // namespace sluice::test
