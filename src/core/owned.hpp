// SPDX-License-Identifier: MIT
// A unique_ptr that releases its object by a function of a C library.
#pragma once

#include <memory>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI {

template <auto release>
struct Release {
  template <class T>
  void operator()(T* object) const noexcept {
    release(object);
  }
};

/// `Owned<SSL, SSL_free>`.
template <class T, auto release>
using Owned = std::unique_ptr<T, Release<release>>;

}  // namespace sluice::SLUICE_ABI
