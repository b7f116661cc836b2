// SPDX-License-Identifier: MIT
#include "redis/wire/sentinel_resolver.hpp"

#include <fmt/format.h>

#include <charconv>
#include <utility>

namespace sluice::SLUICE_ABI::redis {

void SentinelResolver::begin(Found found) {
  found_ = std::move(found);
  asked_ = 0;
  ask();
}

void SentinelResolver::ask() {
  const Endpoint& sentinel = host_.sentinels[(first_ + asked_) % host_.sentinels.size()];
  link_ = Link::open(dialer_, sentinel, executor_,
                     {.username = host_.sentinel_username, .password = host_.sentinel_password}, answer_time_,
                     {.ready =
                          [this] {
                            link_->request({"SENTINEL", "GET-MASTER-ADDR-BY-NAME", host_.master_name},
                                           [this](const Result<Reply>& reply) { answered(reply); });
                          },
                      .lost = [this](const Error& error) { next(error); }});
}

void SentinelResolver::answered(const Result<Reply>& reply) {
  if (!reply) return;  // `lost` is called, too
  std::uint16_t port = 0;
  if (reply->is_array() && reply->elements.size() == 2) {
    const std::string& text = reply->elements[1].text;
    std::from_chars(text.data(), text.data() + text.size(), port);
  }
  if (port == 0) return next(unexpected("master of " + host_.master_name, *reply));
  Endpoint master = host_.endpoint;
  master.host = reply->elements[0].text;
  master.port = port;
  first_ = (first_ + asked_) % host_.sentinels.size();
  std::exchange(link_, nullptr)->close("the sentinel has answered");
  std::exchange(found_, nullptr)(master);
}

void SentinelResolver::next(const Error& error) {
  if (++asked_ < host_.sentinels.size()) return ask();
  std::exchange(link_, nullptr)->close("no sentinel knows");
  std::exchange(found_, nullptr)(
      Error(ErrorCode::layer_unavailable,
            fmt::format("no sentinel knows a master \"{}\", the last one: {}", host_.master_name, error.message())));
}

}  // namespace sluice::SLUICE_ABI::redis
