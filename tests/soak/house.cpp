// SPDX-License-Identifier: MIT
#include "soak/house.hpp"

#include <chrono>
#include <random>
#include <stdexcept>
#include <string>

#include "sluice/consumer/router.hpp"
#include "sluice/page/broadcasts.hpp"
#include "sluice/page/core_consumer.hpp"
#include "sluice/page/page.hpp"

using namespace sluice;
using namespace std::chrono_literals;

namespace soak {
namespace {

struct TableParams {
  std::int64_t table_id = 0;
  static constexpr auto fields() { return sluice::fields(sluice::field("table_id", &TableParams::table_id)); }
};

// Some tables answer at once, some from another thread, so that revocations fall between, some not, some throw.
class TablePage final : public Page<TableParams> {
 public:
  explicit TablePage(WorkerPool& pool) : Page("table"), pool_(pool) {}

  Task<bool> can_add(const Scope&, const TableParams& page) override {
    if (page.table_id % 7 == 5) throw std::runtime_error("no such table");
    if (page.table_id % 3 == 1) {
      auto asked = pool_.run([] {
        std::this_thread::sleep_for(1ms);
        return true;
      });
      co_return co_await asked;
    }
    co_return page.table_id >= 0 && page.table_id < tables;
  }
  std::string group_name(const TableParams& page) const override { return "table-" + std::to_string(page.table_id); }
  std::string permission_group_name(const TableParams& page) const override {
    return "permissions-table-" + std::to_string(page.table_id);
  }

 private:
  WorkerPool& pool_;
};

// Accepts any ?user=7.
class Believe final : public Middleware {
 public:
  Task<Verdict> handle(Scope& scope) override {
    const auto user = scope.query_value("user");
    if (!user) return Verdict::pass();
    scope.set_user(User(UserId(*user)));
    scope.set_web_socket_id("socket-of-" + *user);
    return Verdict::pass();
  }
};

class Echo final : public Consumer {
 public:
  Task<> receive(const Message& message) override {
    send(message.kind(), message.data());
    return {};
  }
};

std::shared_ptr<Application> application(const std::shared_ptr<PageRegistry>& pages) {
  auto routes = std::make_shared<Router>();
  routes->path("ws/core/", with(std::make_shared<Believe>(), consumer<CoreConsumer>(pages)));
  routes->path("ws/echo/", consumer<Echo>());
  return routes;
}

constexpr ConsumerLimits consumer_limits{
    .queued_bytes = 256 * 1024, .pages_per_connection = 8, .disconnect_grace = 500ms};

ServerLimits server_limits() {
  ServerLimits tight;
  tight.handshake_time = 1s;
  tight.close_time = 500ms;
  tight.message_bytes = 64 * 1024;
  tight.connections = 60;
  tight.connections_per_address = 40;
  return tight;
}

}  // namespace

struct House::Answer : HttpHandler {
  Task<HttpResponse> handle(const HttpRequest& request) override {
    co_return HttpResponse(200, std::string(request.scope().client_address()) + "\n");
  }
};

House::House(std::uint64_t seed)
    : executors_(2),
      pool_(2),
      layer_(executors_),
      pages_(std::make_shared<PageRegistry>()),
      answer_(std::make_unique<Answer>()),
      host_(application(pages_), layer_, {.limits = consumer_limits}),
      server_(executors_, host_,
              {.limits = server_limits(), .proxies = {.trusted = {"127.0.0.1"}}, .http = answer_.get()}),
      seed_(seed) {
  if (auto added = pages_->add(std::make_shared<TablePage>(pool_)); !added) {
    throw std::runtime_error(added.error().message());
  }
  port_ = server_.listen("127.0.0.1", 0).value();
}

House::~House() {
  quiet();
  server_.stop({.window = 0s, .grace = 1s});
  server_.wait();
}

void House::make_noise() {
  noisy_ = true;
  publisher_ = std::thread([this] { publish(); });
}

void House::quiet() {
  noisy_ = false;
  if (publisher_.joinable()) publisher_.join();
}

void House::publish() {
  std::mt19937_64 random(seed_++);
  const auto below = [&random](int bound) { return std::uniform_int_distribution<int>(0, bound - 1)(random); };
  // Refusals of a full or closed layer are ignored here: the counters have them.
  while (noisy_) {
    const std::string table = std::to_string(below(tables));
    const UserId user(std::to_string(below(users)));
    switch (below(20)) {
      case 0: (void)remove_users_from_permission_group(layer_, "permissions-table-" + table, {user}); break;
      case 1: (void)recheck_pages(layer_, "table-" + table); break;
      case 2: (void)broadcast_to_all_users(layer_, "to everybody"); break;
      case 3: (void)broadcast_to_users(layer_, {user}, "to you"); break;
      case 4:
        if (below(20) == 0) (void)force_disconnect_users(layer_, {user});
        break;
      case 5: (void)broadcast_to_channel_group(layer_, "table-0", std::string(100'000, 'x')); break;
      default: {
        const auto size = static_cast<std::size_t>(below(2) ? below(100) : below(5'000));
        const std::string author = "socket-of-" + std::to_string(below(users));
        (void)broadcast_to_channel_group(layer_, "table-" + table, std::string(size, 'y'), {.except_socket = author});
      }
    }
    std::this_thread::sleep_for(std::chrono::microseconds(below(3'000)));
  }
}

bool House::comes_to_rest() {
  const auto end = std::chrono::steady_clock::now() + 30s;
  while (server_.stats().connections > 0 || host_.stats().connections > 0 || layer_.stats().channels > 0) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(20ms);
  }
  // Timers that were set for those who have left let go of them when they are due: disconnect_grace, close_time.
  std::this_thread::sleep_for(2s);
  return true;
}

}  // namespace soak
