// SPDX-License-Identifier: MIT
#include "redis/support/golden.hpp"
#include "sluice/abi.hpp"

#include <fmt/format.h>

#include <fstream>
#include <iterator>

namespace sluice::SLUICE_ABI::redis {

json::Value golden() {
  static const json::Document document = [] {
    std::ifstream file(SLUICE_SOURCE_DIR "/tests/redis/golden.json");
    return *json::Document::parse(std::string(std::istreambuf_iterator<char>(file), {}));
  }();
  return document.root();
}

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

std::string to_hex(std::string_view bytes) {
  std::string hex;
  for (const char byte : bytes) hex += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return hex;
}

}  // namespace sluice::SLUICE_ABI::redis
