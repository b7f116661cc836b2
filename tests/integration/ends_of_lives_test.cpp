// SPDX-License-Identifier: MIT
// Every order in which a main() may destroy what it has built, while handlers wait: it is safe, or the program ends
// with a sentence.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <coroutine>
#include <future>
#include <memory>
#include <mutex>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "sluice/consumer/host.hpp"
#include "sluice/core/worker_pool.hpp"
#include "sluice/layer/in_memory_channel_layer.hpp"
#include "sluice/net/asio_executors.hpp"
#include "sluice/net/asio_server.hpp"
#include "support/blocking_client.hpp"
#include "support/catch.hpp"
#include "support/silence.hpp"

using namespace sluice;
using namespace std::chrono_literals;

namespace {

enum class Part { server, host, layer, application, http, pool, executors };
constexpr std::array all_parts{Part::server, Part::host, Part::layer,    Part::application,
                               Part::http,   Part::pool, Part::executors};
constexpr std::array<const char*, all_parts.size()> names{"server", "host", "layer",    "application",
                                                          "http",   "pool", "executors"};

// The first must be destroyed before the second.
constexpr std::array<std::pair<Part, Part>, 5> rules{{{Part::server, Part::host},
                                                      {Part::server, Part::http},
                                                      {Part::server, Part::executors},
                                                      {Part::host, Part::layer},
                                                      {Part::layer, Part::executors}}};

// How main() stops, before it destroys anything.
enum class Stop { not_at_all, server_and_wait, server, executors };
// What the handlers wait for.
enum class Waiting { nothing_that_comes, work_of_a_pool, an_awaitable_of_the_user };

// Resumes its awaiter on a thread of its own, at the very end.
class Abroad {
 public:
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> who) {
    std::lock_guard lock(mutex_);
    waiting_.push_back(who);
  }
  void await_resume() const noexcept {}
  void resume_all() {
    std::thread([this] {
      for (const auto who : waiting_) who.resume();
    }).join();
  }

 private:
  std::mutex mutex_;
  std::vector<std::coroutine_handle<>> waiting_;
};

struct World;

class Guest : public Consumer {
 public:
  explicit Guest(World& world) : world_(world) {}
  ~Guest() override;
  std::span<const std::string_view> groups() const override;
  Task<> receive(const Message&) override;

 private:
  World& world_;
};

struct Page : HttpHandler {
  explicit Page(World& owner) : world(owner) {}
  Task<HttpResponse> handle(const HttpRequest& request) override;
  World& world;
};

// The parts of a main(), with a running WebSocket handler and HTTP handler.
struct World {
  explicit World(Waiting what) : waiting(what) {
    executors = std::make_unique<AsioExecutors>(2);
    pool = std::make_unique<WorkerPool>(2);
    layer = std::make_unique<InMemoryChannelLayer>(*executors);
    http = std::make_unique<Page>(*this);
    application = consumer<Guest>(std::ref(*this));
    host = std::make_unique<Host>(application, *layer, HostOptions{.limits = {.disconnect_grace = 1ms}});
    server = std::make_unique<AsioServer>(*executors, *host, AsioServerOptions{.http = http.get()});
    const auto port = server->listen("127.0.0.1", 0);
    if (!port) throw std::runtime_error(port.error().message());
    browser = std::make_unique<test::BlockingClient>(*port);
    browser->upgrade("/");
    browser->send(test::client_text("wait"));
    visitor = std::make_unique<test::BlockingClient>(*port);
    visitor->send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    begun.acquire();
    begun.acquire();
  }
  ~World() { abroad.resume_all(); }

  void stop(Stop how) {
    const StopOptions at_once{.window = 0ms, .grace = 0ms};
    if (how == Stop::executors) executors->stop();
    if (how == Stop::server || how == Stop::server_and_wait) server->stop(at_once);
    if (how == Stop::server_and_wait) server->wait();
  }
  void destroy(Part part) {
    switch (part) {
      case Part::server: return server.reset();
      case Part::host: return host.reset();
      case Part::layer: return layer.reset();
      case Part::application: return application.reset();
      case Part::http: return http.reset();
      case Part::pool: gate.set_value(); return pool.reset();
      case Part::executors: return executors.reset();
    }
  }
  Task<> wait() {
    if (waiting == Waiting::nothing_that_comes) {
      begun.release();
      Completion<int> never = never_come[asked++];
      (void)co_await never;
    } else if (waiting == Waiting::work_of_a_pool) {
      auto work = pool->run([opened = opened] { opened.wait(); });
      begun.release();
      co_await work;
    } else {
      Abroad& away = abroad;
      begun.release();
      co_await away;
    }
  }

  const Waiting waiting;
  std::counting_semaphore<> begun{0};
  std::promise<void> gate;
  std::shared_future<void> opened = gate.get_future().share();
  std::array<Completion<int>, 2> never_come;
  std::atomic<std::size_t> asked{0};
  Abroad abroad;
  std::atomic<int> frames{0}, consumers{0};
  std::atomic<bool> late{false};  // something ended after what it refers to

  std::unique_ptr<AsioExecutors> executors;
  std::unique_ptr<WorkerPool> pool;
  std::unique_ptr<InMemoryChannelLayer> layer;
  std::unique_ptr<Page> http;
  std::shared_ptr<Application> application;
  std::unique_ptr<Host> host;
  std::unique_ptr<AsioServer> server;
  std::unique_ptr<test::BlockingClient> browser, visitor;
};

// In a handler's frame: at its end it uses what may outlive the handler.
class Farewell {
 public:
  Farewell(World& world, bool of_http) : world_(world), of_http_(of_http) { ++world_.frames; }
  ~Farewell() {
    --world_.frames;
    if (!world_.layer || (of_http_ && !world_.http)) {
      world_.late = true;
    } else {
      (void)world_.layer->group_send("farewells", Event::named("gone"));
    }
  }

 private:
  World& world_;
  const bool of_http_;
};

Guest::~Guest() {
  --world_.consumers;
  if (!world_.layer) world_.late = true;
}

std::span<const std::string_view> Guest::groups() const {
  static constexpr std::string_view groups[] = {"farewells"};
  return groups;
}

Task<> Guest::receive(const Message&) {
  ++world_.consumers;
  Farewell farewell(world_, false);
  auto waiting = world_.wait();
  co_await waiting;
  send_text("waited");
}

Task<HttpResponse> Page::handle(const HttpRequest& request) {
  Farewell farewell(world, true);
  const std::string path(request.scope().path());
  auto waiting = world.wait();
  co_await waiting;
  co_return HttpResponse(200, path);
}

using Order = std::vector<Part>;

// Calls visit(order, refused) with every order; one that breaks a rule ends there.
template <class Visit>
void each_order(Order& destroyed, Visit& visit) {
  if (destroyed.size() == all_parts.size()) return visit(destroyed, false);
  const auto stands = [&](Part part) { return std::ranges::find(destroyed, part) == destroyed.end(); };
  for (const Part next : all_parts) {
    if (!stands(next)) continue;
    const bool refused =
        std::ranges::any_of(rules, [&](const auto& rule) { return rule.second == next && stands(rule.first); });
    destroyed.push_back(next);
    refused ? visit(destroyed, true) : each_order(destroyed, visit);
    destroyed.pop_back();
  }
}

std::string shown(const Order& order) {
  std::string text;
  for (const Part part : order) text += std::string(names[static_cast<std::size_t>(part)]) + " ";
  return text;
}

// What went wrong: nothing, if it is empty.
std::string live_and_end(const Order& order, Stop stop, Waiting waiting) {
  World world(waiting);
  world.stop(stop);
  for (const Part part : order) world.destroy(part);
  if (world.late) return "a handler or a consumer outlived what it refers to";
  if (world.frames != 0 || world.consumers != 0) return "a handler or a consumer is left";
  return {};
}

// The last words of a process that lives and ends in this order, if it is aborted.
std::string last_words(const Order& order, Stop stop, Waiting waiting) {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGABRT, SIG_DFL);
    ::dup2(ends[1], STDERR_FILENO);
    (void)live_and_end(order, stop, waiting);
    ::_exit(0);
  }
  ::close(ends[1]);
  std::string words;
  char some[512];
  for (ssize_t got; (got = ::read(ends[0], some, sizeof some)) > 0;) words.append(some, static_cast<std::size_t>(got));
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT ? words : "not aborted: " + words;
}

}  // namespace

TEST_CASE("every order in which a main() destroys its parts is safe, or ends with a message", "[integration]") {
  std::size_t safe = 0, refused = 0;
  const auto visit = [&](const Order& order, bool is_refused) {
    CAPTURE(shown(order));
    if (is_refused) {
      const auto stop = static_cast<Stop>(refused % 4);
      const auto waiting = static_cast<Waiting>(refused++ % 3);
      CHECK_THAT(last_words(order, stop, waiting), Catch::Matchers::ContainsSubstring(" is destroyed while a") &&
                                                       Catch::Matchers::ContainsSubstring(" still uses it: destroy "));
      return;
    }
    const test::Silence silence;
    for (const Stop stop : {Stop::not_at_all, Stop::server_and_wait, Stop::server, Stop::executors}) {
      const auto waiting = static_cast<Waiting>(safe++ % 3);
      CAPTURE(stop, waiting);
      CHECK(live_and_end(order, stop, waiting) == "");
    }
  };
  Order order;
  each_order(order, visit);
  CHECK(safe == 4 * 168);
  CHECK(refused > 50);
}
