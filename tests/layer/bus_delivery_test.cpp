// SPDX-License-Identifier: MIT
// What a bus delivers through the hub: no failure makes an executor's part of it deaf.
#include <memory>
#include <new>
#include <string>

#include "layer/hub/hub.hpp"
#include "sluice/layer/layer_notices.hpp"
#include "sluice/testing/manual_executor.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::testing;

namespace {

class Member final : public Subscriber {
 public:
  Member(Hub& hub, ManualExecutor& executor) : executor_(executor) {
    executor_.run([&] {
      channel_ = hub.open_channel(*this).value();
      (void)channel_.end().join("g").start({[](void*) noexcept {}, nullptr});
    });
  }
  ~Member() {
    executor_.run([this] { channel_ = {}; });
  }
  Member(const Member&) = delete;

  void deliver(const Event& event) override { heard += std::string(event.type()) + ' '; }
  void deliver(const DeliveryRun&) override {}
  Identity identity() const noexcept override { return {{}, nobody_}; }
  Executor& executor() const noexcept override { return executor_; }
  std::string name() const { return channel_.name(); }

  std::string heard;

 private:
  ManualExecutor& executor_;
  const UserId nobody_;
  Channel channel_;
};

}  // namespace

TEST_CASE("after a failed delivery by a bus the next one arrives everywhere", "[layer]") {
  for (std::size_t nth = 1; nth <= 3; ++nth) {
    CAPTURE(nth);
    ManualExecutors executors(2);
    const auto hub = std::make_shared<Hub>(executors, ChannelLayerOptions{}, "specific.here!");
    Member ann(*hub, executors.at(0)), bob(*hub, executors.at(1));
    const auto deliver = [&](const std::string& type) {
      const Event event = Event::parse(R"({"type":")" + type + "\"}").value();
      for (const auto& work : {std::function<void()>([&] { hub->deliver_to_group("g", event); }),
                               std::function<void()>([&] { hub->deliver_to_channel(ann.name(), event); }),
                               std::function<void()>([&] { hub->deliver_to_channel(bob.name(), event); })}) {
        try {
          work();
        } catch (const std::bad_alloc&) {}
      }
      executors.run_all();
    };
    executors.fail_post(nth);
    deliver("first");
    const bool failed = !executors.post_to_fail();
    executors.fail_post(0);
    CHECK(failed == (nth <= 2));
    ann.heard.clear();
    bob.heard.clear();
    deliver("next");
    CHECK(ann.heard == "next next ");
    CHECK(bob.heard == "next next ");
    CHECK(hub->stats().waiting_events == 0);
    CHECK(hub->stats().waiting_bytes == 0);
    CHECK(hub->has_room());
  }
}

TEST_CASE("a notice for everybody is delivered between what came before it and what came after", "[layer]") {
  ManualExecutors executors(2);
  const auto hub = std::make_shared<Hub>(executors, ChannelLayerOptions{}, "specific.here!");
  Member ann(*hub, executors.at(0)), bob(*hub, executors.at(1));
  hub->deliver_to_group("g", Event::named("before"));
  hub->deliver_to_all(Event::of(LayerDown{}));
  hub->deliver_to_group("g", Event::named("after"));
  hub->deliver_to_channel(bob.name(), Event::named("bob"));
  executors.run_all();
  CHECK(ann.heard == "before layer_down after ");
  CHECK(bob.heard == "before layer_down after bob ");
  CHECK(hub->stats().waiting_events == 0);
}

TEST_CASE("a flush drops the mail of groups and channels, and no notice for everybody", "[layer]") {
  ManualExecutors executors(1);
  const auto hub = std::make_shared<Hub>(executors, ChannelLayerOptions{}, "specific.here!");
  Member ann(*hub, executors.at(0));
  auto flushing = hub->flush();
  executors.at(0).run([&] { (void)flushing.start({[](void*) noexcept {}, nullptr}); });
  hub->deliver_to_channel(ann.name(), Event::named("mail"));
  hub->deliver_to_all(Event::of(LayerDown{}));
  executors.run_all();
  CHECK(ann.heard == "layer_down ");
  CHECK(hub->stats().waiting_events == 0);
  CHECK(hub->stats().waiting_bytes == 0);
}
