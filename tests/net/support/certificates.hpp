// SPDX-License-Identifier: MIT
// Certificates made on the spot, so that none in the tree can grow old.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace sluice::test {

/// PEM texts.
struct Issued {
  std::string certificate;
  std::string key;
};

/// Signs certificates, with P-256 keys.
class Authority {
 public:
  explicit Authority(const std::string& name = "Test Authority");
  ~Authority();

  const std::string& certificate() const noexcept { return certificate_; }
  /// For a subject "CN=name,O=Sluice"; alternative names as OpenSSL writes them: "DNS:a.example", "email:..". It is
  /// good for so long from now on.
  Issued issue(const std::string& name, const std::string& alternative_names = "DNS:localhost",
               std::chrono::seconds life = std::chrono::hours(24 * 365)) const;

 private:
  struct Keys;
  std::unique_ptr<Keys> keys_;
  std::string certificate_;
};

}  // namespace sluice::test
