// SPDX-License-Identifier: MIT
// The ways to write an await that are safe with g++ 12, which destroys an aggregate twice, and a lambda with captures,
// when it is built inside a co_await expression. The library's interfaces are made so that only these can be written.
#include <stdexcept>

#include "sluice/core/close_reason.hpp"
#include "sluice/core/completion.hpp"
#include "sluice/core/result.hpp"
#include "sluice/core/task.hpp"
#include "sluice/core/worker_pool.hpp"
#include "support/catch.hpp"

using namespace sluice;

namespace {

struct Life {
  Life() { ++alive; }
  Life(const Life&) { ++alive; }
  ~Life() { --alive; }
  static inline int alive = 0;
};

// A type with a constructor, as all are that the library lets stand in an await.
class Reason {
 public:
  Reason(int code, std::string text) : code_(code), text_(std::move(text)) {}
  std::string line() const { return std::to_string(code_) + " " + text_; }

 private:
  int code_;
  std::string text_;
  Life life_;
};

struct Options {
  std::string name;
  Life life = {};
};

const std::string long_text(60, 'x');

Task<std::string> with_class(Reason reason) { co_return reason.line(); }
Task<std::string> with_reference(const Reason& reason) { co_return reason.line(); }
Task<std::string> with_aggregate(Options options) { co_return options.name; }
Task<std::string> with_view(std::string_view text) { co_return std::string(text); }
Task<Result<std::string>> with_result(std::string_view text) { co_return std::string(text); }
Task<Result<void>> refused() { co_return Error(ErrorCode::refused, long_text); }

Task<std::string> awaits_class() { co_return co_await with_class(Reason(1011, long_text)); }
Task<std::string> awaits_braced_class() { co_return co_await with_class({1011, long_text}); }
Task<std::string> awaits_reference_to_temporary() { co_return co_await with_reference(Reason(1011, long_text)); }
Task<std::string> awaits_named_aggregate() {
  Options options{long_text};
  co_return co_await with_aggregate(options);
}
Task<std::string> awaits_named_task() {
  auto work = with_aggregate({long_text});
  co_return co_await work;
}
Task<std::string> awaits_view_of_temporary() { co_return co_await with_view(long_text + "y"); }
Task<std::string> awaits_in_condition() {
  if (auto text = co_await with_result(long_text)) co_return *text;
  co_return "";
}
Task<std::string> awaits_in_loop() {
  std::string all;
  for (int i = 0; i < 3; ++i) all += co_await with_class(Reason(i, "a"));
  co_return all;
}
Task<std::string> awaits_error() {
  auto done = co_await refused();
  co_return done ? "" : done.error().context();
}

template <class T>
T finish(Task<T> task) {
  if (!task.start({})) throw std::logic_error("it waits");
  return task.take();
}

}  // namespace

TEST_CASE("the recommended ways to write an await destroy each value once", "[core]") {
  CHECK(finish(awaits_class()) == "1011 " + long_text);
  CHECK(finish(awaits_braced_class()) == "1011 " + long_text);
  CHECK(finish(awaits_reference_to_temporary()) == "1011 " + long_text);
  CHECK(finish(awaits_named_aggregate()) == long_text);
  CHECK(finish(awaits_named_task()) == long_text);
  CHECK(finish(awaits_view_of_temporary()) == long_text + "y");
  CHECK(finish(awaits_in_condition()) == long_text);
  CHECK(finish(awaits_in_loop()) == "0 a1 a2 a");
  CHECK(finish(awaits_error()) == long_text);
  CHECK(Life::alive == 0);
}

namespace {
template <class T>
concept AwaitableUnnamed = requires(T value) {
  std::move(value).operator co_await();
};
}  // namespace

TEST_CASE("work of a pool must be named before it is awaited", "[core]") {
  STATIC_REQUIRE_FALSE(AwaitableUnnamed<Work<int>>);
  STATIC_REQUIRE(AwaitableUnnamed<Completion<int>>);
}
