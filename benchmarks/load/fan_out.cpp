// SPDX-License-Identifier: MIT
#include <algorithm>
#include <string>
#include <vector>

#include "load/clients.hpp"
#include "load/holding.hpp"
#include "load/stamp.hpp"
#include "load/workloads.hpp"

namespace load {

namespace {

// Numbers the broadcasts, and knows when all subscribers have one.
class Broadcasts {
 public:
  Broadcasts(const Settings& settings, Clients& clients, std::size_t first_publisher)
      : settings_(settings),
        clients_(clients),
        first_publisher_(first_publisher),
        heard_(settings.warm_up + settings.messages),
        next_(settings.connections * settings.publishers) {
    // Message k is sent by publisher k % publishers; only what one publisher says has an order.
    for (std::size_t i = 0; i < next_.size(); ++i) next_[i] = static_cast<std::uint32_t>(i % settings.publishers);
    clients.on_message = [this](std::size_t subscriber, std::string_view payload) { hear(subscriber, payload); };
  }
  ~Broadcasts() {
    clients_.on_message = [](std::size_t, std::string_view) {};
  }

  // Publishes until number `end`, and returns when all of them have arrived or the time is up.
  void run(std::uint32_t end, Report& report) {
    report_ = &report;
    deliveries_ = 0;
    const std::uint32_t begin = sent_;
    const double per_second = static_cast<double>(settings_.per_minute) / 60;
    const Meter meter(settings_);
    while (complete_ < end && clients_.lost() == 0 && !meter.given_up(clients_)) {
      publish(std::min(end, settings_.per_minute > 0
                                ? begin + static_cast<std::uint32_t>(meter.seconds() * per_second) + 1
                                : complete_ + static_cast<std::uint32_t>(settings_.window)));
      clients_.turn(std::chrono::milliseconds(settings_.per_minute > 0 && sent_ < end ? 1 : 100));
    }
    meter.stop(deliveries_, report);
    report.missing = std::size_t{end - begin} * settings_.connections -
                     std::min(deliveries_, std::size_t{end - begin} * settings_.connections);
  }

 private:
  void publish(std::uint32_t end) {
    std::vector<std::string> frames(settings_.publishers);
    for (; sent_ < end; ++sent_) {
      const std::size_t nth = sent_ % settings_.publishers;
      frames[nth] += clients_.frame(first_publisher_ + nth, stamped({sent_, now()}, settings_.bytes));
    }
    for (std::size_t i = 0; i < frames.size(); ++i) {
      if (!frames[i].empty()) clients_.send(first_publisher_ + i, frames[i]);
    }
  }

  void hear(std::size_t subscriber, std::string_view payload) {
    const auto stamp = stamp_of(payload);
    if (!stamp || stamp->number >= heard_.size()) {
      ++report_->unknown;
      return;
    }
    std::uint32_t& expected = next_[subscriber * settings_.publishers + stamp->number % settings_.publishers];
    if (stamp->number != expected) ++report_->disordered;
    expected = stamp->number + static_cast<std::uint32_t>(settings_.publishers);
    report_->latency.add(clients_.read_at() - std::min(stamp->sent_at, clients_.read_at()));
    ++deliveries_;
    ++heard_[stamp->number];
    while (complete_ < heard_.size() && heard_[complete_] >= settings_.connections) ++complete_;
  }

  const Settings& settings_;
  Clients& clients_;
  std::size_t first_publisher_;
  std::vector<std::uint32_t> heard_;  // by how many, per broadcast
  std::vector<std::uint32_t> next_;   // the number expected, per subscriber and publisher
  std::uint32_t sent_ = 0;
  std::uint32_t complete_ = 0;
  std::size_t deliveries_ = 0;
  Report* report_ = nullptr;
};

}  // namespace

Report fan_out(const Settings& settings) {
  Clients clients(settings.port, settings.speech);
  Holding held(settings, clients, "/sub");  // first: a subscriber's index counts from 0
  Report report;
  held.into(report);
  const std::chrono::seconds patience(settings.patience);
  clients.open(settings.stalled, "/sub", patience, Clients::Reader::stalled);
  if (settings.publish_port != 0) clients.go_to(settings.publish_port);
  const std::size_t publisher = clients.open(settings.publishers, "/pub", patience);

  Broadcasts broadcasts(settings, clients, publisher);
  Report warm_up = report;
  broadcasts.run(static_cast<std::uint32_t>(settings.warm_up), warm_up);
  broadcasts.run(static_cast<std::uint32_t>(settings.warm_up + settings.messages), report);
  report.missing += warm_up.missing;
  report.disordered += warm_up.disordered;
  report.lost_connections = clients.lost();
  held.after(report);
  return report;
}

}  // namespace load
