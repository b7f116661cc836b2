// SPDX-License-Identifier: MIT
// The browser's client, clients/js/src, carried by the programs that serve it.
#pragma once

#include <optional>
#include <string_view>

/// The text of a module: client_module("index.js"). Any thread.
std::optional<std::string_view> client_module(std::string_view file) noexcept;
