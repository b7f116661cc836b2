// SPDX-License-Identifier: MIT
// A user's program that hides its symbols, beside a shared Sluice: types that both know are the same types.
#include <cstdio>
#include <ctime>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>

#include "sluice/auth/jwt_signer.hpp"
#include "sluice/auth/token_auth.hpp"
#include "sluice/page/core_consumer.hpp"
#include "sluice/page/page.hpp"
#include "sluice/sluice.hpp"
#include "sluice/testing/communicator.hpp"

using namespace sluice;

namespace {

int failures = 0;

void expect(bool holds, const char* what) {
  if (holds) return;
  std::printf("failed: %s\n", what);
  ++failures;
}

class Desk : public JsonConsumer {
  Task<> connect() override {
    accept();
    send_text(scope().find<TokenExpiry>() ? "expires" : "lives for ever");
    return {};
  }
  Task<> receive_json(const json::Value&) override { throw std::runtime_error("mine"); }
};

struct TableParams {
  std::int64_t table_id = 0;
  static constexpr auto fields() { return sluice::fields(sluice::field("table_id", &TableParams::table_id)); }
};

// With all warnings on: no warning comes of deriving from Page.
class TablePage : public Page<TableParams> {
 public:
  TablePage() : Page("table") {}
  Task<bool> can_add(const Scope&, const TableParams&) override { return true; }
  std::string group_name(const TableParams& page) const override { return "table-" + std::to_string(page.table_id); }
};

std::shared_ptr<Application> signed_in(std::shared_ptr<Application> application, const std::string& secret) {
  auto verifier =
      std::make_shared<JwtVerifier>(JwtOptions{.algorithms = {JwtAlgorithm::hs256}, .keys = {JwtKey::hmac(secret)}});
  return with(std::make_shared<TokenAuth>(verifier, std::make_shared<ClaimUser>()), std::move(application));
}

}  // namespace

int main() {
  set_log_sink({});
  testing::ManualExecutor executor;
  InMemoryChannelLayer layer(executor);
  const std::string secret = "at least thirty-two bytes of secret";
  const std::string target =
      "/?jwt_token=" + sign_hs256(R"({"user_id":1,"exp":)" + std::to_string(std::time(nullptr) + 3600) + "}", secret);

  testing::Communicator browser(executor, signed_in(consumer<Desk>(), secret), {target});
  expect(bool(browser.connect()) && browser.hear() == "expires", "Scope::find<TokenExpiry>() finds what TokenAuth put");
  browser.set_patience(std::chrono::milliseconds(1));
  try {
    browser.hear();
    expect(false, "hear() throws");
  } catch (const testing::NotHeard&) {
  } catch (const std::exception&) {
    expect(false, "NotHeard is caught as NotHeard");
  }
  browser.say("{}");
  expect(browser.hear_close().code() == 1011, "an exception of the program's is caught by the library");
  try {
    Router().re_path("(", consumer<Desk>());
    expect(false, "re_path() throws");
  } catch (const std::invalid_argument&) {}
  Host host(consumer<Desk>());
  Gateway* const gateway = &host;
  expect(dynamic_cast<Host*>(gateway) != nullptr, "a Gateway is known as a Host");
  executor.run([&] {
    expect(executor.local<FrameBuffer>().allocated_bytes() > 0, "Executor::local() gives the library's object");
  });

  auto pages = std::make_shared<PageRegistry>();
  (void)pages->add(std::make_shared<TablePage>());
  testing::Communicator reader(executor, signed_in(consumer<CoreConsumer>(pages), secret), layer, {target});
  expect(bool(reader.connect()), "a CoreConsumer connects");
  (void)reader.hear();
  reader.say(R"({"page":"table","table_id":7})");
  expect(reader.hear().find("page_add") != std::string::npos, "a page is added");
  if (failures == 0) std::puts("the types are the same");
  return failures;
}
