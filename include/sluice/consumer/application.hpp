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

/// Serves connections: consumer<C>(), a Router, or with(middleware, application). Immutable once serving.
class SLUICE_API Application {
 public:
  /// The destination of a connection, and its middlewares, outermost first.
  struct Destination {
    const ConsumerFactory* factory = nullptr;  // null: no route
    std::vector<Middleware*> middlewares;
  };

  virtual ~Application() = default;
  /// Finds the destination, and puts captures into the scope. False: no route, and both arguments are unchanged.
  virtual bool resolve(Scope& scope, Destination& destination) const = 0;
  /// True if it matches the rest of the path: then a route to it matches a beginning only (behaviour SC-11).
  virtual bool routes_by_path() const noexcept { return false; }
  /// Its routes as they were written, behind the given prefix: for a log line.
  virtual std::vector<std::string> routes(const std::string& before) const { return {before}; }
};

/// The factory as an application.
SLUICE_API std::shared_ptr<Application> application(ConsumerFactory factory);

namespace detail {

// True if C is constructible from `held`, the factory's arguments, with this in the place of number `place`.
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

// True if a consumer would refer to the factory's copy of an object that its maker still has.
template <class C, std::size_t place, class Given, class... Held>
constexpr bool refers_to_copy() {
  using T = std::decay_t<Given>;
  if constexpr (!std::is_lvalue_reference_v<Given> || !std::is_class_v<T> || is_handle<T>) {
    return false;
  } else if constexpr (takes_at<C, Unrelated, place, Held...>) {  // a template, which accepts anything
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
/// application keeps copies of them. Pass objects that consumers share with the rest of the program as
/// std::ref(object), which must outlive the host, or as a std::shared_ptr; an object itself does not compile where C
/// takes a reference.
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
