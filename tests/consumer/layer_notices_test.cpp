// SPDX-License-Identifier: MIT
#include "sluice/layer/layer_notices.hpp"

#include "consumer/support/story.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::testing;

namespace {

// Receives the layer's notices, if it lists them.
template <bool listens>
class Member final : public Consumer {
 public:
  Task<> connect() override {
    accept();
    auto joined = co_await group_add("g");
    if (!joined) throw std::logic_error(joined.error().message());
  }
  Task<> down(const LayerDown&) {
    send_text("down");
    return {};
  }
  Task<> up(const LayerUp&) {
    send_text("up");
    return {};
  }
  const EventHandlers& event_handlers() const override {
    static const auto handlers =
        listens ? EventHandlers{}.on<LayerDown>(&Member::down).template on<LayerUp>(&Member::up) : EventHandlers{};
    return handlers;
  }
};

template <bool listens>
struct Scene : Story {
  Scene() : browser(executor, consumer<Member<listens>>(), layer, {"/"}, {.strict_events = true}) {
    browser.connect();
    publish("g", Event::of(LayerDown{}));
    publish("g", Event::of(LayerUp{}));
  }
  Communicator browser;
};

}  // namespace

TEST_CASE("a consumer that lists the layer's notices receives them", "[consumer]") {
  Scene<true> scene;
  CHECK(scene.browser.hear() == "down");
  CHECK(scene.browser.hear() == "up");
}

TEST_CASE("a consumer that does not list the notices receives none, and none is counted as unknown", "[consumer]") {
  Scene<false> scene;
  CHECK(scene.browser.hear_nothing());
  CHECK_FALSE(scene.browser.finished());
  CHECK(scene.browser.host().stats().unknown_events == 0);
  CHECK(scene.errors.text() == "");
}
