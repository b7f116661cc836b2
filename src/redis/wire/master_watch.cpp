// SPDX-License-Identifier: MIT
#include "redis/wire/master_watch.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "core/whole_number.hpp"

namespace sluice::SLUICE_ABI::redis {

MasterWatch::MasterWatch(Dialer& dialer, Executor& executor, const RedisHost& host,
                         std::chrono::milliseconds answer_time, Switched switched)
    : dialer_(dialer),
      executor_(executor),
      host_(host),
      answer_time_(answer_time),
      switched_(std::move(switched)),
      links_(host_.sentinels.size()) {}

void MasterWatch::start() {
  for (std::size_t sentinel = 0; sentinel < links_.size(); ++sentinel) watch(sentinel);
}

void MasterWatch::stop() {
  stopped_ = true;
  for (std::shared_ptr<Link>& link : links_) {
    if (const auto old = std::exchange(link, nullptr)) old->close("the layer is closed");
  }
}

void MasterWatch::watch(std::size_t sentinel) {
  const auto weak = weak_from_this();
  links_[sentinel] =
      Link::open(dialer_, host_.sentinels[sentinel], executor_,
                 {.username = host_.sentinel_username, .password = host_.sentinel_password}, answer_time_,
                 {.ready =
                      [weak, sentinel] {
                        const auto self = weak.lock();
                        if (self)
                          self->links_[sentinel]->request({"SUBSCRIBE", "+switch-master"}, [](const Result<Reply>&) {});
                      },
                  .lost =
                      [weak, sentinel](const Error&) {
                        if (const auto self = weak.lock()) self->lost(sentinel);
                      },
                  .pushed =
                      [weak, sentinel](const Reply& push) {
                        if (const auto self = weak.lock()) self->arrived(sentinel, push);
                      }});
}

// The search logs faults of a sentinel where they matter.
void MasterWatch::lost(std::size_t sentinel) {
  executor_.post_after(answer_time_, [weak = weak_from_this(), sentinel] {
    const auto self = weak.lock();
    if (self && !self->stopped_) self->watch(sentinel);
  });
}

// "<name> <old host> <old port> <new host> <new port>"
void MasterWatch::arrived(std::size_t sentinel, const Reply& push) {
  std::array<std::string_view, 5> words;
  std::string_view rest = push.elements.back().text;
  for (std::string_view& word : words) {
    const std::size_t end = std::min(rest.size(), rest.find(' '));
    word = rest.substr(0, end);
    rest.remove_prefix(std::min(rest.size(), end + 1));
  }
  const auto port = whole_number<std::uint16_t>(words[4]);
  if (stopped_ || words[0] != host_.master_name || !port) return;
  Endpoint master = host_.endpoint;
  master.host = words[3];
  master.port = *port;
  switched_(sentinel, master);
}

}  // namespace sluice::SLUICE_ABI::redis
