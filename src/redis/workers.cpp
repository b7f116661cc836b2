// SPDX-License-Identifier: MIT
#include "redis/workers.hpp"

#include <algorithm>
#include <utility>

#include "sluice/json/document.hpp"

namespace sluice::redis {
namespace {

constexpr auto job_wait = std::chrono::seconds(5);
constexpr auto short_job_wait = std::chrono::seconds(1);

// Not by from_chars: libc++ has none for doubles.
double to_number(std::string_view text) {
  const auto document = json::Document::parse(text);
  return document ? document->root().as_double().value_or(0) : 0;
}

}  // namespace

// ---------------------------------------------------------------- one channel

void WorkerChannel::push(TakenEvent taken) {
  {
    std::lock_guard lock(mutex_);
    items_.push_back(std::move(taken));
    asked_ = false;
  }
  wake_one();
}

void WorkerChannel::ask_for_one() {
  std::lock_guard lock(mutex_);
  asked_ = true;
}

std::size_t WorkerChannel::wanted() const {
  std::lock_guard lock(mutex_);
  const std::size_t all = waiting_.size() + (asked_ ? 1 : 0);
  return all - std::min(all, items_.size());
}

// ---------------------------------------------------------------- all of them

Inbox Workers::open(std::string_view name) {
  std::lock_guard lock(mutex_);
  auto& channel = channels_[std::string(name)];
  if (!channel) channel = std::make_shared<WorkerChannel>(std::string(name));
  ++channel->readers;
  return Inbox(std::make_unique<WorkerReader>(shared_from_this(), channel));
}

void Workers::close_reader(const std::shared_ptr<WorkerChannel>& channel) {
  {
    std::lock_guard lock(mutex_);
    if (--channel->readers > 0) return;
    channels_.erase(channel->name());
  }
  // What was taken and not read is another process's again.
  bus_->executor().post(
      [self = shared_from_this(), channel] { self->give_back(channel->name(), channel->take_all()); });
}

void Workers::give_back(std::string_view channel, std::deque<TakenEvent> taken) {
  const std::string key = names_.channel_key(channel);
  for (TakenEvent& event : taken) {
    if (!shards_[event.shard].up) {
      bus_->not_given_back(channel);
      continue;
    }
    Link& link = bus_->node(event.shard).commands();
    link.request({"ZADD", key, event.score, event.member},
                 while_here([name = std::string(channel)](Workers& self, const Result<Reply>& reply) {
                   if (!reply) return self.bus_->not_given_back(name);
                   if (reply->is_error()) self.bus_->refused("giving back an event of", name, *reply);
                 }));
    link.request(Command{"EXPIRE", key}.arg(bus_->options().expiry.count()), [](const Result<Reply>&) {});
  }
}

std::size_t Workers::count() const {
  std::lock_guard lock(mutex_);
  return channels_.size();
}

void Workers::flush() {
  ++flushes_;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [name, channel] : channels_) (void)channel->take_all();
  }
  bus_->leave_plain_channels();
}

void Workers::look_again() {
  bus_->executor().post([self = shared_from_this()] {
    for (std::size_t shard = 0; shard < self->shards_.size(); ++shard) self->read(shard);
  });
}

void Workers::shard_changed(std::size_t number, bool up) {
  Shard& shard = shards_[number];
  if (shard.link) shard.link->close("the host is lost");
  std::string last = std::move(shard.client.empty() ? shard.last_client : shard.client);
  shard = Shard();
  shard.last_client = std::move(last);
  shard.up = up;
  if (!up) return;
  // Where a wire was cut, Redis may still have a job for that one. Should it be another's name since a restart, that
  // one only looks again.
  if (!shard.last_client.empty()) unblock(number, shard.last_client);
  read(number);
}

void Workers::unblock(std::size_t number, std::string_view client) {
  bus_->node(number).commands().request({"CLIENT", "UNBLOCK", client},
                                        while_here([number](Workers& self, const Result<Reply>& reply) {
                                          if (reply && reply->is_error()) self.shards_[number].unblocks = false;
                                        }));
}

std::vector<std::string> Workers::wanted_keys() const {
  std::vector<std::string> keys;
  std::lock_guard lock(mutex_);
  for (const auto& [name, channel] : channels_) {
    if (channel->wanted() > 0) keys.push_back(names_.channel_key(name));
  }
  return keys;
}

// One command waits for all channels that are wanted. When others are wanted, it is asked to end, and the next one
// waits for those.
void Workers::read(std::size_t number) {
  Shard& shard = shards_[number];
  std::vector<std::string> keys = wanted_keys();
  if (!shard.up || (keys.empty() && shard.reading.empty()) || keys == shard.reading) return;
  if (!shard.link) {
    shard.link = bus_->node(number).connect(while_here([number](Workers& self) { self.ask_for_name(number); }));
    return;
  }
  if (shard.client.empty() || shard.stirred || shard.pauses) return;
  if (!shard.reading.empty()) {
    shard.stirred = true;
    unblock(number, shard.client);
    return;
  }
  Command command{"BZPOPMIN"};
  for (const std::string& key : keys) command.arg(key);
  shard.reading = std::move(keys);
  const std::chrono::seconds wait = shard.unblocks ? job_wait : short_job_wait;
  shard.link->request(command.arg(wait.count()),
                      while_here([number](Workers& self, const Result<Reply>& reply) { self.arrived(number, reply); }),
                      wait);
}

// How Redis calls the connection: by that name another one asks it to stop waiting.
void Workers::ask_for_name(std::size_t number) {
  shards_[number].link->request({"CLIENT", "ID"}, while_here([number](Workers& self, const Result<Reply>& reply) {
                                  if (!reply) return;
                                  self.shards_[number].client = std::to_string(reply->integer);
                                  self.read(number);
                                }));
}

void Workers::arrived(std::size_t number, const Result<Reply>& reply) {
  if (!reply) return;
  Shard& shard = shards_[number];
  shard.reading.clear();
  shard.stirred = false;
  if (reply->is_error()) return read_later(number, *reply);
  if (reply->elements.size() == 3) {
    const std::string_view name = std::string_view(reply->elements[0].text).substr(names_.prefix().size());
    const std::string& member = reply->elements[1].text;
    const std::string& score = reply->elements[2].text;
    const std::size_t prefix = std::min(bus_->options().random_prefix_length, member.size());
    const double expiry = static_cast<double>(bus_->options().expiry.count());
    std::shared_ptr<WorkerChannel> channel;
    {
      std::lock_guard lock(mutex_);
      const auto found = channels_.find(name);
      if (found != channels_.end()) channel = found->second;
    }
    if (to_number(score) + expiry <= bus_->unix_time()) {
      redis::count(bus_->counters().expired);
    } else if (auto arrival = bus_->read(std::string_view(member).substr(prefix))) {
      TakenEvent taken{std::move(arrival->event), member, score, number};
      if (channel) {
        channel->push(std::move(taken));
      } else {
        std::deque<TakenEvent> all;
        all.push_back(std::move(taken));
        give_back(name, std::move(all));
      }
    }
  }
  read(number);
}

void Workers::read_later(std::size_t number, const Reply& refusal) {
  bus_->refused("reading", {}, refusal);
  Shard& shard = shards_[number];
  shard.pauses = true;
  bus_->executor().post_after(pause_after_refusal,
                              [weak = weak_from_this(), number, asked = std::weak_ptr(shard.link)] {
                                const auto self = weak.lock();
                                const auto link = asked.lock();
                                if (!self || !link || link != self->shards_[number].link) return;
                                self->shards_[number].pauses = false;
                                self->read(number);
                              });
}

// ---------------------------------------------------------------- an inbox

WorkerReader::~WorkerReader() {
  for (const std::string& group : groups()) workers_->bus().leave(group, channel_->name());
  workers_->close_reader(channel_);
  life_->end();
}

std::vector<std::string>& WorkerReader::groups() {
  const std::uint64_t flushes = workers_->flushes();
  if (std::exchange(flushes_, flushes) != flushes) groups_.clear();
  return groups_;
}

std::optional<Event> WorkerReader::poll() {
  auto event = channel_->pop();
  if (!event) {
    channel_->ask_for_one();
    workers_->look_again();
  }
  return event;
}

Task<Result<Event>> WorkerReader::receive(std::shared_ptr<Workers> workers, std::shared_ptr<WorkerChannel> channel,
                                          std::shared_ptr<ReaderLife> life) {
  WorkerChannel::Turn turn(*channel);
  for (;;) {
    if (life->over()) co_return ReaderLife::error();
    if (auto event = channel->pop()) co_return std::move(*event);
    const WorkerChannel::WakeUp woken = turn.queue_up();
    if (!life->waits_for(woken)) continue;
    workers->look_again();
    co_await woken;
  }
}

Task<Result<void>> WorkerReader::join(std::string_view group) {
  {
    std::lock_guard lock(mutex_);
    std::vector<std::string>& joined = groups();
    if (std::ranges::find(joined, group) != joined.end()) co_return Result<void>();
    joined.emplace_back(group);
  }
  const auto done = workers_->bus().join(group, channel_->name());
  auto joined = co_await done;
  if (!joined) leave(group);
  co_return joined;
}

void WorkerReader::leave(std::string_view group) {
  {
    std::lock_guard lock(mutex_);
    if (std::erase(groups(), group) == 0) return;
  }
  workers_->bus().leave(group, channel_->name());
}

}  // namespace sluice::redis
