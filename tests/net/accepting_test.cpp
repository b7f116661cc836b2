// SPDX-License-Identifier: MIT
// accept(2) fails in many ways, most of which are about one connection.
#include <cerrno>
#include <chrono>
#include <climits>

#include "net/support/faults.hpp"
#include "net/support/served.hpp"
#include "support/catch.hpp"
#include "support/log_capture.hpp"

using namespace sluice;
using namespace sluice::test;

TEST_CASE("an error of a connection that gave up while it waited does not pause accepting", "[net]") {
  const LogCapture log;
  for (const int error : {EPROTO, ENETDOWN, EHOSTUNREACH, ENOPROTOOPT, EOPNOTSUPP, ENETUNREACH, ECONNABORTED, EPERM}) {
    Served served;
    const auto faults = Faults::nth_fails(served.executors.at(0), 1, error);
    CHECK(served.connect().upgrade().starts_with("HTTP/1.1 101"));
    CHECK(faults.failed() == "accept4");
  }
  CHECK(log.text() == "");
}

TEST_CASE("a server at its descriptor limit logs rarely, however often it succeeds between", "[net]") {
  const LogCapture log;
  {
    Served served;
    for (int i = 0; i < 4; ++i) {
      const auto faults = Faults::nth_fails(served.executors.at(0), 1, EMFILE);
      CHECK(served.connect().upgrade().starts_with("HTTP/1.1 101"));
    }
  }
  CHECK(log.count("accept: ") == 1);
}

TEST_CASE("with the longest backlog, connections that wait at the stop are served", "[net]") {
  AsioServerOptions options;
  options.backlog = INT_MAX;
  Served served(options);
  served.server.stop({.window = std::chrono::milliseconds(0)});
  served.server.wait();
  options.backlog = 0;
  CHECK_THROWS_AS(Served(options), std::invalid_argument);
}
