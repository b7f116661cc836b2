// SPDX-License-Identifier: MIT
#include "sluice/testing/scripted_channel_layer.hpp"

#include <chrono>

#include "sluice/layer/in_memory_channel_layer.hpp"
#include "sluice/testing/manual_executor.hpp"

namespace sluice::SLUICE_ABI::testing {

// Without a script it is the layer behind.
struct Scripted {
  explicit Scripted(const ChannelLayerOptions& options) : behind(executors, options), layer(behind) {}
  void settle() { executors.run_all(); }
  std::optional<Event> take(Inbox& inbox) { return inbox.poll(); }

  static constexpr std::size_t processes = 1;
  static constexpr std::chrono::hours group_expiry{24};
  static constexpr bool shared = false, keeps = true, names_processes = true;
  ManualExecutors executors{2};
  InMemoryChannelLayer behind;
  ScriptedChannelLayer layer;
};

using Worlds = std::tuple<Scripted>;

}  // namespace sluice::SLUICE_ABI::testing

#include "conformance/channel_layer_suite.hpp"

using namespace sluice;
using namespace sluice::testing;

TEST_CASE("a scripted layer records its calls", "[testing]") {
  Scene<Scripted> scene;
  {
    Ear ear(scene.layer, scene.executors.at(0));
    REQUIRE(ear.join("g"));
    REQUIRE(scene.layer.group_send("g", Event::named("hello")));
    REQUIRE(scene.layer.send("jobs", Event::named("job")));
    REQUIRE(ear.leave("g"));
    CHECK(
        scene.layer.take_transcript() ==
        "open_channel\ngroup_add g\ngroup_send g {\"type\":\"hello\"}\nsend jobs {\"type\":\"job\"}\ngroup_discard g");
    ear.channel().leave_groups();
  }
  CHECK(scene.layer.take_transcript() == "leave_groups\nclose_channel");
  CHECK(scene.group_size("g") == 0);
  CHECK(scene.layer.take_transcript() == "group_size g");
}

TEST_CASE("the nth operation fails, and only that one", "[testing]") {
  Scene<Scripted> scene;
  Ear& ear = scene.ear();
  scene.layer.take_transcript();
  scene.layer.fail(2);
  REQUIRE(ear.join("a"));
  CHECK(code_of(ear.join("b")) == ErrorCode::layer_unavailable);
  REQUIRE(ear.join("b"));
  CHECK(scene.layer.take_transcript() == "group_add a\ngroup_add b: layer_unavailable\ngroup_add b");
}

TEST_CASE("the next operation with a line fails, and only that one", "[testing]") {
  Scene<Scripted> scene;
  Ear& ear = scene.ear();
  scene.layer.take_transcript();
  scene.layer.fail("group_add b");
  REQUIRE(ear.join("a"));
  CHECK(code_of(ear.join("b")) == ErrorCode::layer_unavailable);
  REQUIRE(ear.join("b"));
  CHECK(scene.layer.take_transcript() == "group_add a\ngroup_add b: layer_unavailable\ngroup_add b");
}

TEST_CASE("what is to happen after an operation happens once, when that has been done", "[testing]") {
  Scene<Scripted> scene;
  Ear& ear = scene.ear();
  std::string seen;
  scene.layer.after("group_add g", [&] { seen += "joined " + std::to_string(ear.channel().in_group("g")); });
  REQUIRE(ear.join("f"));
  CHECK(seen.empty());
  REQUIRE(ear.join("g"));
  REQUIRE(ear.join("g"));
  CHECK(seen == "joined 1");
  scene.layer.after("group_discard g", [&] { seen += ", left"; });
  REQUIRE(ear.leave("g"));
  CHECK(seen == "joined 1, left");
}

TEST_CASE("a layer that is down fails everything until it is up again", "[testing]") {
  Scene<Scripted> scene;
  Ear& ear = scene.ear();
  Inbox inbox = scene.inbox("jobs");
  scene.layer.fail_all();
  const auto failed = [&](auto work) { return !scene.run(work).has_value(); };
  CHECK_THROWS(Ear(scene.layer, scene.executors.at(0)));
  CHECK(failed([&] { return scene.layer.open_inbox("jobs"); }));
  CHECK_FALSE(ear.join("g"));
  CHECK_FALSE(ear.leave("g"));
  CHECK(failed([&] { return scene.layer.group_add("g", inbox); }));
  CHECK(failed([&] { return scene.layer.group_discard("g", inbox); }));
  CHECK_FALSE(scene.layer.group_send("g", Event::named("a")));
  CHECK_FALSE(scene.layer.send("jobs", Event::named("a")));
  CHECK(failed([&] { return scene.layer.group_size("g"); }));
  CHECK(failed([&] { return scene.layer.group_channels("g"); }));
  CHECK(failed([&] { return scene.layer.flush(); }));
  scene.layer.fail_all(false);
  CHECK(ear.join("g"));
}

namespace {
Task<> join_and_note(ChannelLayer& layer, const Channel& channel, std::string& seen) {
  auto joined = co_await layer.group_add("g", channel);
  seen += joined ? "joined" : "refused";
}
}  // namespace

TEST_CASE("held operations wait for release", "[testing]") {
  Scene<Scripted> scene;
  Ear& ear = scene.ear();
  scene.layer.take_transcript();
  std::string seen;
  scene.layer.hold();
  auto task = join_and_note(scene.layer, ear.channel(), seen);
  scene.run([&] { CHECK_FALSE(task.start({[](void*) noexcept {}, nullptr})); });
  scene.settle();
  CHECK(scene.layer.take_transcript() == "");
  scene.layer.release();
  scene.layer.release();
  scene.settle();
  CHECK(seen == "joined");
  CHECK(scene.layer.take_transcript() == "group_add g");
}
