// SPDX-License-Identifier: MIT
// How much is enough: what counts to a large number counts to a tenth of it where a sanitizer makes each step slow.
#pragma once

namespace sluice::test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int scale = 10;
#else
constexpr int scale = 1;
#endif

constexpr int scaled(int count) { return count / scale; }

}  // namespace sluice::test
