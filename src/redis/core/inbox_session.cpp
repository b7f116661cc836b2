// SPDX-License-Identifier: MIT
#include "redis/core/inbox_session.hpp"

#include "redis/bus/names.hpp"
#include "redis/wire/node.hpp"

namespace sluice::SLUICE_ABI::redis {
namespace {

constexpr std::string_view ahead = "-1";  // a score that is read first, and that no sender purges

}  // namespace

InboxSession::InboxSession(SessionEvents& events, std::size_t host, const CoreSequences& sequences)
    : context_(events.context()),
      node_(context_.node(host)),
      inbox_(CoreNames(context_.options().prefix).channel_key(context_.process())),
      reader_(events, node_, host, inbox_, sequences.groups),
      keys_(std::make_shared<GroupKeys>(events, node_, host, sequences.groups)),
      writer_(events, node_, host, inbox_, *keys_, sequences.messages) {}

void InboxSession::lost() {
  reader_.lost();
  keys_->lost();
}

void InboxSession::probe(std::uint64_t ticket, Link::Answer answer) {
  Link& link = node_.commands();
  link.request({"ZADD", inbox_, ahead, std::string(probe_mark) + std::to_string(ticket)}, std::move(answer));
  link.request(Command{"EXPIRE", inbox_}.arg(context_.options().expiry.count()), [](const Result<Reply>&) {});
}

bool InboxSession::has_room() const { return node_.has_room(); }

void InboxSession::leave_host(Link::Answer answer) { node_.commands().request({"DEL", inbox_}, std::move(answer)); }

}  // namespace sluice::SLUICE_ABI::redis
