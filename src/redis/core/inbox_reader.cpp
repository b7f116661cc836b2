// SPDX-License-Identifier: MIT
#include "redis/core/inbox_reader.hpp"

#include <algorithm>
#include <utility>

#include "core/whole_number.hpp"
#include "redis/bus/echo_proof.hpp"
#include "redis/core/inbox_writer.hpp"
#include "redis/core/message_sequence.hpp"
#include "redis/wire/node.hpp"

namespace sluice::SLUICE_ABI::redis {
namespace {

constexpr std::size_t batch = 100;  // of an inbox, in one command
constexpr auto block_time = std::chrono::seconds(5);
constexpr std::string_view nothing = "\xc1";  // a byte that begins no message, in whatever format

// What every sender, of Sluice and of channels_redis with these options, lets wait in the inbox of this process.
std::size_t inbox_capacity(const RedisContext& context) {
  const RedisOptions& options = context.options();
  const auto for_django = [&](const std::string& local) {
    return capacity_for_django(options, context.process() + local);
  };
  return std::min({options.process_capacity, for_django(group_local_name(1)), for_django("c.0")});
}

}  // namespace

InboxReader::InboxReader(SessionEvents& events, Node& node, std::size_t host, std::string inbox,
                         std::shared_ptr<const GroupNumbers> numbers)
    : events_(events),
      context_(events.context()),
      node_(node),
      host_(host),
      inbox_(std::move(inbox)),
      capacity_(inbox_capacity(context_)),
      numbers_(std::move(numbers)) {}

void InboxReader::begin(Function<void()> reading) {
  if (std::exchange(has_read_, true)) feed_last_reader();
  reader_ = node_.connect([this, reading = std::move(reading)]() mutable {
    drain();
    reading();
  });
}

// After a cut connection Redis may still have our previous blocked reader, and would give it the next message. So an
// empty message is sent first.
void InboxReader::feed_last_reader() {
  auto& link = node_.commands();
  link.request({"ZADD", inbox_, to_text(context_.unix_time()), nothing}, [](const Result<Reply>&) {});
  link.request(Command{"EXPIRE", inbox_}.arg(context_.options().expiry.count()), [](const Result<Reply>&) {});
}

void InboxReader::lost() {
  refusal_.reset();
  if (const auto reader = std::exchange(reader_, nullptr)) reader->close("the host is lost");
}

// Waits for one message, and takes all others with it: two commands, one round trip. This process is the only reader of
// the key, so nothing is saved for a crash (redis-wire I-3).
void InboxReader::drain() {
  pauses_ = false;
  if (!events_.layer().has_room()) return wait_for_room();
  const std::uint64_t missing = events_.proof(host_).missing();  // this round takes the probe, if it has arrived
  reader_->request(
      {"BZPOPMIN", inbox_, std::to_string(block_time.count())},
      [this](const Result<Reply>& reply) {
        if (reply && reply->elements.size() == 3) arrived(reply->elements[1].text);
        if (reply && reply->is_error()) refusal_ = *reply;  // for example, renamed, or forbidden by an ACL
      },
      block_time);
  reader_->request(Command{"ZPOPMIN", inbox_}.arg(static_cast<std::int64_t>(batch)),
                   [this, missing](const Result<Reply>& reply) {
                     if (!reply) return;
                     // Others may write although this process may not read.
                     if (reply->is_error("NOPERM")) return node_.lose(unexpected("ZPOPMIN of the inbox", *reply));
                     for (std::size_t i = 0; i < reply->elements.size(); i += 2) arrived(reply->elements[i].text);
                     if (reply->is_error()) {
                       refusal_ = *reply;
                     } else {
                       events_.proof(host_).caught_up(missing);
                     }
                     if (const auto refusal = std::exchange(refusal_, std::nullopt)) return drain_later(*refusal);
                     if (reader_) drain();
                   });
}

void InboxReader::drain_later(const Reply& refusal) {
  context_.refused("reading", {}, refusal);
  context_.executor().post_after(pause_after_refusal, pause());
}

// Returns what ends the pause. Meanwhile events wait in the inbox, up to its capacity.
Function<void()> InboxReader::pause() {
  pauses_ = true;
  return while_read([this] { drain(); });
}

// Senders drop messages for a full inbox, and messages that are older than expiry. If that may have happened the pause
// is a gap: pages are rechecked.
void InboxReader::wait_for_room() {
  const auto since = context_.executor().now();
  events_.layer().when_room(while_read([this, since] {
    reader_->request({"ZCARD", inbox_}, [this, since](const Result<Reply>& reply) {
      if (!reply) return;
      const auto waiting = static_cast<std::size_t>(std::max<std::int64_t>(reply->integer, 0));
      const bool full = reply->is_error() || waiting >= capacity_;
      const bool too_long = context_.executor().now() - since >= context_.options().expiry;
      drain();
      if (!full && !too_long) return;
      events_.unsettled(host_, Error(ErrorCode::layer_unavailable,
                                     "reading paused for so long that events may be lost: an executor was blocked"));
    });
  }));
  pauses_ = true;
}

// Called unless the reader was replaced by then.
Function<void()> InboxReader::while_read(Function<void()> go_on) {
  return [this, weak = std::weak_ptr(reader_), go_on = std::move(go_on)]() mutable {
    if (const auto reader = weak.lock(); reader && reader == reader_) go_on();
  };
}

void InboxReader::arrived(std::string_view member) {
  if (member == nothing) return;
  if (member.starts_with(probe_mark)) {
    const auto ticket = whole_number<std::uint64_t>(member.substr(probe_mark.size()));
    return events_.probe_arrived(host_, ticket.value_or(0));
  }
  if (EchoProof& proof = events_.proof(host_); proof.awaits_echo()) proof.received(member);
  member.remove_prefix(std::min(context_.options().random_prefix_length, member.size()));
  const auto incoming = context_.read(member);
  if (!incoming) return;
  if (incoming->channels.empty()) count(context_.counters().no_channel);
  for (const std::string& name : incoming->channels) {
    const std::string_view local = name.starts_with(context_.process())
                                       ? std::string_view(name).substr(context_.process().size())
                                       : std::string_view();
    const std::uint64_t number = group_number_of(local);
    const std::string* const group = numbers_->find(number);
    if (!local.empty() && number == 0) {
      events_.layer().received(BusTarget::channel, name, incoming->event);
    } else if (group) {
      events_.layer().received(BusTarget::group, *group, incoming->event);  // its members may have left meanwhile
    } else {
      count(context_.counters().no_channel);
    }
  }
}

bool InboxReader::is_behind() const {
  return reader_ && (pauses_ || context_.executor().now() - reader_->last_received() < EchoProof::tick_time);
}

}  // namespace sluice::SLUICE_ABI::redis
