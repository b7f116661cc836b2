// SPDX-License-Identifier: MIT
#include "support/client_modules.hpp"

namespace {

struct Module {
  std::string_view file;
  std::string_view text;
};

constexpr Module modules[] = {
#include "client_modules.inc"
};

}  // namespace

std::optional<std::string_view> client_module(std::string_view file) noexcept {
  for (const Module& module : modules) {
    if (module.file == file) return module.text;
  }
  return std::nullopt;
}
