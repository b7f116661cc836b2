// SPDX-License-Identifier: MIT
// What nearly every test reads, compiled once for all test programs.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "support/catch.hpp"
