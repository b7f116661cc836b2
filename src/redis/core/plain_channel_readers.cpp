// SPDX-License-Identifier: MIT
#include "redis/core/plain_channel_readers.hpp"

#include <algorithm>
#include <utility>

#include "sluice/json/document.hpp"

namespace sluice::SLUICE_ABI::redis {
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

void SharedPlainChannel::push(TakenEvent taken) {
  {
    std::lock_guard lock(mutex_);
    items_.push_back(std::move(taken));
    asked_ = false;
  }
  wake_one();
}

void SharedPlainChannel::ask_for_one() {
  std::lock_guard lock(mutex_);
  asked_ = true;
}

std::size_t SharedPlainChannel::wanted() const {
  std::lock_guard lock(mutex_);
  const std::size_t all = waiting_.size() + (asked_ ? 1 : 0);
  return all - std::min(all, items_.size());
}

// ---------------------------------------------------------------- all of them

Inbox PlainChannelReaders::open(std::string_view name) {
  std::lock_guard lock(mutex_);
  auto& channel = channels_[std::string(name)];
  if (!channel) channel = std::make_shared<SharedPlainChannel>(std::string(name));
  ++channel->readers;
  return Inbox(std::make_unique<PlainChannelReader>(shared_from_this(), channel));
}

void PlainChannelReaders::close_reader(const std::shared_ptr<SharedPlainChannel>& channel) {
  {
    std::lock_guard lock(mutex_);
    if (--channel->readers > 0) return;
    channels_.erase(channel->name());
  }
  // Returns taken and unread events to Redis, for other processes.
  context_->executor().post(
      [self = shared_from_this(), channel] { self->give_back(channel->name(), channel->take_all()); });
}

void PlainChannelReaders::give_back(std::string_view channel, std::deque<TakenEvent> taken) {
  const std::string key = names_.channel_key(channel);
  for (TakenEvent& event : taken) {
    if (!hosts_[event.host].up) {
      context_->not_given_back(channel);
      continue;
    }
    Link& link = context_->node(event.host).commands();
    link.request({"ZADD", key, event.score, event.member},
                 while_here([name = std::string(channel)](PlainChannelReaders& self, const Result<Reply>& reply) {
                   if (!reply) return self.context_->not_given_back(name);
                   if (reply->is_error()) self.context_->refused("giving back an event of", name, *reply);
                 }));
    link.request(Command{"EXPIRE", key}.arg(context_->options().expiry.count()), [](const Result<Reply>&) {});
  }
}

std::size_t PlainChannelReaders::count() const {
  std::lock_guard lock(mutex_);
  return channels_.size();
}

void PlainChannelReaders::flush() {
  ++flushes_;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [name, channel] : channels_) (void)channel->take_all();
  }
  subscriptions_->leave_channels();
}

void PlainChannelReaders::look_again() {
  context_->executor().post([self = shared_from_this()] {
    for (std::size_t host = 0; host < self->hosts_.size(); ++host) self->read(host);
  });
}

void PlainChannelReaders::host_changed(std::size_t number, bool up) {
  Host& host = hosts_[number];
  if (host.link) host.link->close("the host is lost");
  std::string last = std::move(host.client.empty() ? host.last_client : host.client);
  host = Host();
  host.last_client = std::move(last);
  host.up = up;
  if (!up) return;
  // After a cut connection Redis may still serve the previous client. If another client has that name since a restart,
  // it only polls again.
  if (!host.last_client.empty()) unblock(number, host.last_client);
  read(number);
}

void PlainChannelReaders::unblock(std::size_t number, std::string_view client) {
  context_->node(number).commands().request({"CLIENT", "UNBLOCK", client},
                                            while_here([number](PlainChannelReaders& self, const Result<Reply>& reply) {
                                              if (reply && reply->is_error()) self.hosts_[number].unblocks = false;
                                            }));
}

std::vector<std::string> PlainChannelReaders::wanted_keys() const {
  std::vector<std::string> keys;
  std::lock_guard lock(mutex_);
  for (const auto& [name, channel] : channels_) {
    if (channel->wanted() > 0) keys.push_back(names_.channel_key(name));
  }
  return keys;
}

// One command waits for all wanted channels. When the set changes, the command is unblocked, and the next one waits for
// the new set.
void PlainChannelReaders::read(std::size_t number) {
  Host& host = hosts_[number];
  std::vector<std::string> keys = wanted_keys();
  if (!host.up || (keys.empty() && host.reading.empty()) || keys == host.reading) return;
  if (!host.link) {
    host.link =
        context_->node(number).connect(while_here([number](PlainChannelReaders& self) { self.ask_for_name(number); }));
    return;
  }
  if (host.client.empty() || host.unblocked || host.pauses) return;
  if (!host.reading.empty()) {
    host.unblocked = true;
    unblock(number, host.client);
    return;
  }
  Command command{"BZPOPMIN"};
  for (const std::string& key : keys) command.arg(key);
  host.reading = std::move(keys);
  const std::chrono::seconds wait = host.unblocks ? job_wait : short_job_wait;
  host.link->request(
      command.arg(wait.count()),
      while_here([number](PlainChannelReaders& self, const Result<Reply>& reply) { self.arrived(number, reply); }),
      wait);
}

// The connection's id in Redis, by which another connection unblocks it.
void PlainChannelReaders::ask_for_name(std::size_t number) {
  hosts_[number].link->request({"CLIENT", "ID"},
                               while_here([number](PlainChannelReaders& self, const Result<Reply>& reply) {
                                 if (!reply) return;
                                 self.hosts_[number].client = std::to_string(reply->integer);
                                 self.read(number);
                               }));
}

void PlainChannelReaders::arrived(std::size_t number, const Result<Reply>& reply) {
  if (!reply) return;
  Host& host = hosts_[number];
  host.reading.clear();
  host.unblocked = false;
  if (reply->is_error()) return read_later(number, *reply);
  if (reply->elements.size() == 3) {
    const std::string_view name = std::string_view(reply->elements[0].text).substr(names_.prefix().size());
    const std::string& member = reply->elements[1].text;
    const std::string& score = reply->elements[2].text;
    const std::size_t prefix = std::min(context_->options().random_prefix_length, member.size());
    const double expiry = static_cast<double>(context_->options().expiry.count());
    std::shared_ptr<SharedPlainChannel> channel;
    {
      std::lock_guard lock(mutex_);
      const auto found = channels_.find(name);
      if (found != channels_.end()) channel = found->second;
    }
    if (to_number(score) + expiry <= context_->unix_time()) {
      redis::count(context_->counters().expired);
    } else if (auto incoming = context_->read(std::string_view(member).substr(prefix))) {
      TakenEvent taken{std::move(incoming->event), member, score, number};
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

void PlainChannelReaders::read_later(std::size_t number, const Reply& refusal) {
  context_->refused("reading", {}, refusal);
  Host& host = hosts_[number];
  host.pauses = true;
  context_->executor().post_after(pause_after_refusal,
                                  [weak = weak_from_this(), number, asked = std::weak_ptr(host.link)] {
                                    const auto self = weak.lock();
                                    const auto link = asked.lock();
                                    if (!self || !link || link != self->hosts_[number].link) return;
                                    self->hosts_[number].pauses = false;
                                    self->read(number);
                                  });
}

// ---------------------------------------------------------------- an inbox

PlainChannelReader::~PlainChannelReader() {
  for (const std::string& group : groups()) readers_->subscriptions().leave(membership(group));
  readers_->close_reader(channel_);
  life_->end();
}

std::vector<std::string>& PlainChannelReader::groups() {
  const std::uint64_t flushes = readers_->flushes();
  if (std::exchange(flushes_, flushes) != flushes) groups_.clear();
  return groups_;
}

std::optional<Event> PlainChannelReader::poll() {
  auto event = channel_->pop();
  if (!event) {
    channel_->ask_for_one();
    readers_->look_again();
  }
  return event;
}

Task<Result<Event>> PlainChannelReader::receive(std::shared_ptr<PlainChannelReaders> readers,
                                                std::shared_ptr<SharedPlainChannel> channel,
                                                std::shared_ptr<ReaderLife> life) {
  SharedPlainChannel::Turn turn(*channel);
  for (;;) {
    if (life->over()) co_return ReaderLife::error();
    if (auto event = channel->pop()) co_return std::move(*event);
    const SharedPlainChannel::WakeUp woken = turn.queue_up();
    if (!life->waits_for(woken)) continue;
    readers->look_again();
    co_await woken;
  }
}

Task<Result<void>> PlainChannelReader::join(std::string_view group) {
  {
    std::lock_guard lock(mutex_);
    std::vector<std::string>& joined = groups();
    if (std::ranges::find(joined, group) != joined.end()) co_return Result<void>();
    joined.emplace_back(group);
  }
  const auto done = readers_->subscriptions().join(membership(group));
  auto joined = co_await done;
  if (!joined) leave_now(group);
  co_return joined;
}

Task<Result<void>> PlainChannelReader::leave(std::string_view group) {
  leave_now(group);
  return Result<void>();
}

void PlainChannelReader::leave_now(std::string_view group) {
  {
    std::lock_guard lock(mutex_);
    if (std::erase(groups(), group) == 0) return;
  }
  readers_->subscriptions().leave(membership(group));
}

}  // namespace sluice::SLUICE_ABI::redis
