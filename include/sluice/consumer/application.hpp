// SPDX-License-Identifier: MIT
// From a scope to a consumer: one kind of consumer, a router of several, or either of them behind a middleware.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "sluice/abi.hpp"
#include "sluice/consumer/consumer.hpp"
#include "sluice/consumer/middleware.hpp"

namespace sluice::SLUICE_ABI {

/// Makes the consumer of one connection.
using ConsumerFactory = std::function<std::unique_ptr<Consumer>(const Scope&)>;

/// What serves connections: consumer<C>(), a Router, or with(middleware, application). Immutable once serving.
class SLUICE_API Application {
 public:
  /// Where a connection goes, and what looks at it on the way, outermost first.
  struct Destination {
    const ConsumerFactory* factory = nullptr;  // null: no route
    std::vector<Middleware*> middlewares;
  };

  virtual ~Application() = default;
  /// Finds the destination, and puts what was captured on the way into the scope. False: no route, and both arguments
  /// are as they were.
  virtual bool resolve(Scope& scope, Destination& destination) const = 0;
  /// Does it look at what is left of the path? Then a route that leads here need only fit a beginning (behaviour
  /// SC-11).
  virtual bool routes_by_path() const noexcept { return false; }
  /// The routes that lead to it, as they were written, behind what leads to this application: for a log line.
  virtual std::vector<std::string> routes(const std::string& before) const { return {before}; }
};

/// The factory as an application.
SLUICE_API std::shared_ptr<Application> application(ConsumerFactory factory);

namespace detail {

// Is C constructible from `held`, the factory's arguments, with this in the place of number `place`?
template <class C, class Stand, std::size_t place, class... Held>
inline constexpr bool takes_at = []<std::size_t... at>(std::index_sequence<at...>) {
  return std::is_constructible_v<C, std::conditional_t<at == place, Stand, const Held&>...>;
}
(std::index_sequence_for<Held...>());

// Converts to a reference in one way and to a value in two, of which the compiler chooses none.
template <class T>
struct ReferenceOnly {
  operator T&() const noexcept;
  operator T&&() const noexcept;
};
struct Unrelated {};

template <class T>
inline constexpr bool is_handle = false;
template <class T>
inline constexpr bool is_handle<std::shared_ptr<T>> = true;
template <class T>
inline constexpr bool is_handle<std::weak_ptr<T>> = true;
template <class T>
inline constexpr bool is_handle<std::reference_wrapper<T>> = true;
template <>
inline constexpr bool is_handle<std::string> = true;

// Would a consumer refer to the factory's copy of an object that its maker still has in hand?
template <class C, std::size_t place, class Given, class... Held>
constexpr bool refers_to_copy() {
  using T = std::decay_t<Given>;
  if constexpr (!std::is_lvalue_reference_v<Given> || !std::is_class_v<T> || is_handle<T>) {
    return false;
  } else if constexpr (takes_at<C, Unrelated, place, Held...>) {  // a template, which takes anything
    return false;
  } else {
    return takes_at<C, ReferenceOnly<T>, place, Held...>;
  }
}

template <class C, class... Given>
inline constexpr bool any_refers_to_copy = []<std::size_t... at>(std::index_sequence<at...>) {
  return (false || ... || refers_to_copy<C, at, Given, std::decay_t<Given>...>());
}
(std::index_sequence_for<Given...>());

}  // namespace detail

/// An application whose connections each get a new C, made from these arguments (Channels: C.as_asgi(...)). The
/// application keeps copies of them. What consumers share with the rest of the program they are given as std::ref(it),
/// which must outlive the host, or as a std::shared_ptr; an object by its name, where C takes a reference, does not
/// compile.
template <class C, class... Args>
std::shared_ptr<Application> consumer(Args&&... arguments) {
  static_assert(!detail::any_refers_to_copy<C, Args...>,
                "consumer<C>(object): C takes a reference, and would refer to a copy of the object. Pass "
                "std::ref(object), which must outlive the host, or std::move(object) to hand it over");
  return application([... arguments = std::decay_t<Args>(std::forward<Args>(arguments))](
                         const Scope&) -> std::unique_ptr<Consumer> { return std::make_unique<C>(arguments...); });
}

/// The application behind a middleware.
SLUICE_API std::shared_ptr<Application> with(std::shared_ptr<Middleware> middleware,
                                             std::shared_ptr<Application> application);

}  // namespace sluice::SLUICE_ABI
