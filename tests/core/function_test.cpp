// SPDX-License-Identifier: MIT
#include "sluice/core/function.hpp"

#include <array>
#include <cstdint>

#include "support/catch.hpp"

using namespace sluice;

namespace {

// Counts how many of its kind live.
class Counted {
 public:
  explicit Counted(int& alive) : alive_(&alive) { ++*alive_; }
  Counted(Counted&& other) noexcept : alive_(other.alive_) { ++*alive_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() { --*alive_; }

 private:
  int* alive_;
};

template <std::size_t bytes>
struct Padding {
  std::array<char, bytes> bytes_of = {};
};

// A callable of this size that returns what it is asked.
template <std::size_t bytes>
auto echo(int& alive) {
  return [counted = Counted(alive), padding = Padding<bytes>()](int asked) { return asked + padding.bytes_of[0]; };
}

template <std::size_t bytes>
Function<int(int)> made(int& alive) {
  return echo<bytes>(alive);
}

bool lies_inside(const void* inner, const void* outer, std::size_t size) {
  const auto at = reinterpret_cast<std::uintptr_t>(inner), begin = reinterpret_cast<std::uintptr_t>(outer);
  return at >= begin && at < begin + size;
}

}  // namespace

TEST_CASE("an empty function converts to false", "[core]") {
  CHECK_FALSE(Function<void()>());
  CHECK_FALSE(Function<void()>(nullptr));
  CHECK(Function<void()>([] {}));
}

TEST_CASE("a function calls small and large callables and destroys them once", "[core]") {
  int alive = 0;
  const auto check = [&](Function<int(int)> function) {
    CHECK(alive == 1);
    CHECK(function(7) == 7);
    Function<int(int)> moved = std::move(function);
    CHECK(alive == 1);
    CHECK_FALSE(function);
    CHECK(moved(8) == 8);
    function = std::move(moved);
    CHECK(function(9) == 9);
    function = nullptr;
    CHECK(alive == 0);
  };
  check(made<1>(alive));
  check(made<40>(alive));
  check(made<41>(alive));
  check(made<500>(alive));
}

TEST_CASE("assigning over a function destroys what it held", "[core]") {
  int alive = 0;
  Function<int(int)> function = echo<1>(alive);
  function = echo<500>(alive);
  CHECK(alive == 1);
  function = [](int asked) { return -asked; };
  CHECK(alive == 0);
  CHECK(function(1) == -1);
}

TEST_CASE("a callable of up to six pointers is stored inside, a larger one is allocated", "[core]") {
  struct Six {
    std::array<void*, 6> room;
    const void* operator()() const { return this; }
  };
  struct Seven {
    std::array<void*, 7> room;
    const void* operator()() const { return this; }
  };
  Function<const void*()> six = Six();
  Function<const void*()> seven = Seven();
  CHECK(lies_inside(six(), &six, sizeof six));
  CHECK_FALSE(lies_inside(seven(), &seven, sizeof seven));
  const void* before = seven();
  Function<const void*()> moved = std::move(seven);
  CHECK(moved() == before);
}

TEST_CASE("a callable whose move may throw is not stored inside", "[core]") {
  struct Throwing {
    Throwing() = default;
    Throwing(const Throwing&) {}
    const void* operator()() const { return this; }
  };
  Function<const void*()> function = Throwing();
  CHECK_FALSE(lies_inside(function(), &function, sizeof function));
}

TEST_CASE("a function holds move-only callables, passes move-only arguments and keeps state", "[core]") {
  Function<std::unique_ptr<int>(std::unique_ptr<int>)> add =
      [total = std::make_unique<int>(0)](std::unique_ptr<int> more) mutable {
        *total += *more;
        return std::make_unique<int>(*total);
      };
  CHECK(*add(std::make_unique<int>(2)) == 2);
  CHECK(*add(std::make_unique<int>(3)) == 5);
  STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<Function<void()>>);
}

TEST_CASE("a function returns references and takes them", "[core]") {
  int value = 1;
  Function<int&(int&)> same = [](int& it) -> int& { return it; };
  same(value) = 2;
  CHECK(value == 2);
}
