// SPDX-License-Identifier: MIT
#include "sluice/core/result.hpp"

#include "support/catch.hpp"

using namespace sluice;

TEST_CASE("a result holds a value or an error", "[core]") {
  Result<int> good = 7;
  CHECK(good.has_value());
  CHECK(*good == 7);
  CHECK(good.value_or(8) == 7);

  Result<int> bad = Error(ErrorCode::not_found, "user 7");
  CHECK_FALSE(bad);
  CHECK(bad.error().code() == ErrorCode::not_found);
  CHECK(bad.error().message() == "not_found: user 7");
  CHECK(bad.value_or(8) == 8);
}

TEST_CASE("value() throws for an error, and names it", "[core]") {
  const Result<int> failed = Error(ErrorCode::not_found, "read \"a\": no such file");
  CHECK_THROWS_AS(failed.value(), BadResultAccess);
  CHECK_THROWS_WITH(failed.value(), failed.error().message());
  const Result<void> not_done = Error(ErrorCode::refused, "open: no");
  CHECK_THROWS_AS(not_done.value(), BadResultAccess);
  CHECK_NOTHROW(Result<void>().value());
  CHECK(Result<int>(7).value() == 7);
  try {
    (void)failed.value();
  } catch (const BadResultAccess& thrown) {
    CHECK(thrown.error().code() == ErrorCode::not_found);
  }
}

TEST_CASE("a result gives a move-only value away", "[core]") {
  Result<std::unique_ptr<int>> made = std::make_unique<int>(7);
  std::unique_ptr<int> taken = *std::move(made);
  CHECK(*taken == 7);
}

TEST_CASE("a result of nothing is done, or an error", "[core]") {
  CHECK(Result<void>());
  Result<void> failed = Error(ErrorCode::io_failed, "connect");
  CHECK_FALSE(failed);
  CHECK(failed.error().context() == "connect");
}

TEST_CASE("every error code has a name of its own", "[core]") {
  std::vector<std::string> names;
  for (int code = 0; code <= static_cast<int>(ErrorCode::io_failed); ++code) {
    names.emplace_back(to_string(static_cast<ErrorCode>(code)));
  }
  CHECK(std::ranges::find(names, "unknown") == names.end());
  std::ranges::sort(names);
  CHECK(std::ranges::adjacent_find(names) == names.end());
}
