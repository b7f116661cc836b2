// SPDX-License-Identifier: MIT
// What the consumers of an application are made from.
#include "sluice/consumer/application.hpp"

#include <functional>
#include <memory>
#include <string>

#include "consumer/support/story.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::testing;

namespace {

struct Database {
  int rows = 0;
};
struct Options {
  int limit = 1;
};

class Reader : public Consumer {
 public:
  explicit Reader(const Database& database) : database_(database) {}
  Task<> connect() override {
    accept();
    send_text(std::to_string(database_.rows) + " rows");
    return {};
  }

 private:
  const Database& database_;
};
struct Writer : Consumer {
  explicit Writer(Database&) {}
};
struct Copier : Consumer {
  explicit Copier(Database) {}
};
struct Sharer : Consumer {
  Sharer(const std::shared_ptr<Database>&, const std::string&, Options) {}
};
struct Anything : Consumer {
  template <class T>
  explicit Anything(T&&) {}
};

template <class C, class... Given>
constexpr bool refused = sluice::detail::any_refers_to_copy<C, Given...>;

// An object by its name, where the consumer takes a reference.
static_assert(refused<Reader, Database&> && refused<Reader, const Database&> && refused<Writer, Database&>);
static_assert(!refused<Reader, std::reference_wrapper<Database>> && !refused<Writer, std::reference_wrapper<Database>>);
static_assert(!refused<Reader, Database>);   // handed over
static_assert(!refused<Copier, Database&>);  // each consumer has its own
static_assert(!refused<Sharer, std::shared_ptr<Database>&, const std::string&, Options&>);
static_assert(!refused<Anything, Database&>);

}  // namespace

TEST_CASE("consumers that are given std::ref see the object's current state", "[consumer]") {
  ManualExecutor executor;
  Database database;
  const auto readers = consumer<Reader>(std::ref(database));
  database.rows = 5;
  Communicator browser(executor, readers, {"/"});
  REQUIRE(browser.connect());
  CHECK(browser.hear() == "5 rows");
}

TEST_CASE("an object that is moved into an application lives as long as it", "[consumer]") {
  ManualExecutor executor;
  Communicator browser(executor, consumer<Reader>(Database{3}), {"/"});
  REQUIRE(browser.connect());
  CHECK(browser.hear() == "3 rows");
}
