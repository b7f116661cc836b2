// SPDX-License-Identifier: MIT
#include "redis/wire/node.hpp"

#include <fmt/format.h>

#include <utility>

#include "sluice/core/log.hpp"

namespace sluice::SLUICE_ABI::redis {
namespace {

constexpr auto steady_time = std::chrono::seconds(1);

}  // namespace

Node::Node(Dialer& dialer, Executor& executor, const RedisHost& host, const RedisOptions& options, Events events)
    : dialer_(dialer),
      executor_(executor),
      host_(host),
      name_(host.to_string()),
      answer_time_(options.answer_time),
      back_off_(options.reconnect_min, options.reconnect_max),
      events_(std::move(events)) {
  if (!host_.sentinels.empty()) search_.emplace(dialer_, executor_, host_, answer_time_);
}

void Node::start() {
  if (search_) {
    watch_ = std::make_shared<MasterWatch>(dialer_, executor_, host_, answer_time_,
                                           [weak = weak_from_this()](std::size_t sentinel, const Endpoint& master) {
                                             if (const auto self = weak.lock()) self->switched(sentinel, master);
                                           });
    watch_->start();
  }
  attempt();
}

void Node::switched(std::size_t sentinel, const Endpoint& master) {
  if (!connected_ || master == server_) return;
  search_->prefer(sentinel);
  lose(Error(ErrorCode::layer_unavailable,
             fmt::format("the sentinels have made {}:{} the master", master.host, master.port)));
}

void Node::attempt() {
  if (stopped_) return;
  if (!host_.cluster.empty()) return dial(host_.cluster[attempts_++ % host_.cluster.size()]);
  if (!search_) return dial(host_.endpoint);
  search_->begin([this](const Result<Endpoint>& master) {
    if (stopped_) return;
    master ? dial(*master) : failed(master.error());
  });
}

void Node::dial(const Endpoint& to) {
  server_ = to;
  const std::uint64_t connection = ++connection_;
  commands_ = Link::open(dialer_, to, executor_,
                         {.username = host_.username,
                          .password = host_.password,
                          .database = host_.database,
                          .want_master = host_.cluster.empty()},
                         answer_time_,
                         {.ready =
                              [this] {
                                connected_ = true;
                                events_.connected();
                              },
                          .lost = [this, connection](const Error& error) { lose(connection, error); }});
}

std::shared_ptr<Link> Node::connect_to(const Endpoint& server, Function<void()> ready,
                                       Function<void(const Reply&)> pushed, Function<void()> caught_up) {
  return Link::open(dialer_, server, executor_,
                    {.username = host_.username, .password = host_.password, .database = host_.database}, answer_time_,
                    {.ready = std::move(ready),
                     .lost =
                         [weak = weak_from_this(), connection = connection_](const Error& error) {
                           if (const auto self = weak.lock()) self->lose(connection, error);
                         },
                     .pushed = std::move(pushed),
                     .caught_up = std::move(caught_up)});
}

void Node::lose(std::uint64_t connection, const Error& error) {
  if (stopped_ || connection != connection_) return;
  ++connection_;
  const auto settled = std::exchange(settled_at_, std::nullopt);
  if (settled && executor_.now() - *settled >= steady_time) back_off_.reset();
  if (!std::exchange(connected_, false)) {
    if (search_) search_->doubt();
    return failed(error);
  }
  try_again();  // first, even if the rest throws
  if (const auto commands = std::exchange(commands_, nullptr)) commands->close(error.message());
  events_.lost(error);
  note_failure(error);
}

void Node::failed(const Error& error) {
  try_again();
  note_failure(error);
}

void Node::note_failure(const Error& error) {
  failing_ = true;
  if (logged_.is_news(error.message(), executor_.now())) {
    log(LogLevel::warning, fmt::format("Redis {}: {}; trying again", name_, error.message()));
  }
}

// A server that connects and soon fails again, such as a read-only replica, is retried with back-off.
void Node::settled() {
  settled_at_ = executor_.now();
  if (std::exchange(failing_, false) && logged_.is_news("found", *settled_at_)) {
    log(LogLevel::info, fmt::format("Redis {}: found", name_));
  }
}

void Node::try_again() noexcept {
  try_due_ = true;
  try {
    executor_.post_after(back_off_.next(), [weak = weak_from_this()] {
      const auto self = weak.lock();
      if (self && !self->connected_) self->attempt();
    });
    try_due_ = false;
  } catch (...) {  // no memory for the timer: try_again_if_due() sets it
  }
}

void Node::stop(std::string_view why) {
  stopped_ = true;
  connected_ = false;
  if (watch_) watch_->stop();
  if (const auto commands = std::exchange(commands_, nullptr)) commands->close(why);
}

}  // namespace sluice::SLUICE_ABI::redis
