// SPDX-License-Identifier: MIT
// A consumer that is called from a thread of the user's, which is the user's mistake, and is told to them.
#include <stdexcept>
#include <thread>

#include "consumer/support/story.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::testing;

namespace {

// Does in another thread what it is told to, while its own waits, and says what came of that.
class Strayer : public Consumer {
 public:
  Task<> receive(const Message& message) override {
    std::string thrown = "nothing";
    std::thread([&] {
      try {
        stray(message.data());
      } catch (const std::logic_error& error) {
        thrown = error.what();
      }
    }).join();
    send_text(thrown);
    return {};
  }

 private:
  void stray(std::string_view call) {
    if (call == "accept") accept();
    if (call == "deny") deny();
    if (call == "send") send_text("astray");
    if (call == "close") close();
    if (call == "group_add") (void)group_add("g");
    if (call == "group_add when slow") (void)group_add("g", WhenSlow::drop_oldest);
    if (call == "group_discard") (void)group_discard("g");
  }
};

}  // namespace

TEST_CASE("a consumer that is called from another thread says so, and does nothing", "[consumer]") {
  const auto [call, name] = GENERATE(table<std::string, std::string>({{"accept", "accept()"},
                                                                      {"deny", "deny()"},
                                                                      {"send", "send()"},
                                                                      {"close", "close()"},
                                                                      {"group_add", "group_add()"},
                                                                      {"group_add when slow", "group_add()"},
                                                                      {"group_discard", "group_discard()"}}));
  Story story;
  Communicator browser(story.executor, consumer<Strayer>(), story.layer, {"/"});
  REQUIRE(browser.connect());
  browser.say(call);
  CHECK(browser.hear_all() ==
        "text: " + name +
            " from outside the consumer's executor: from there send the consumer an event, by its "
            "channel_name()");
  CHECK(story.hub.stats().groups == 0);
}
