// SPDX-License-Identifier: MIT
#include "sluice/net/tls_context.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

#include "core/ascii.hpp"
#include "net/socket/tls_settings.hpp"

namespace sluice::SLUICE_ABI {

using net::TlsCertificate;
using net::TlsSettings;

class TlsContext::State {
 public:
  explicit State(TlsOptions options) : options_(std::move(options)) {}

  /// Puts a certificate in its host's place and loads all.
  Result<void> put(TlsCertificate certificate) {
    std::lock_guard lock(loading_);
    auto certificates = certificates_;
    const auto same = std::ranges::find(certificates, certificate.host, &TlsCertificate::host);
    if (same == certificates.end()) {
      certificates.push_back(std::move(certificate));
    } else {
      *same = std::move(certificate);
    }
    auto loaded = load(certificates);
    if (loaded) certificates_ = std::move(certificates);
    return loaded;
  }
  Result<void> reload() {
    std::lock_guard lock(loading_);
    return load(certificates_);
  }
  std::shared_ptr<const TlsSettings> settings() const {
    std::lock_guard lock(mutex_);
    return settings_;
  }

 private:
  Result<void> load(const std::vector<TlsCertificate>& certificates) {
    auto loaded = TlsSettings::load(certificates, options_);
    if (!loaded) return loaded.error();
    std::lock_guard lock(mutex_);
    settings_ = std::move(*loaded);
    return {};
  }

  const TlsOptions options_;
  std::mutex loading_;  // held while files are read; handshakes do not wait for it
  std::vector<TlsCertificate> certificates_;
  mutable std::mutex mutex_;
  std::shared_ptr<const TlsSettings> settings_;
};

Result<TlsContext> TlsContext::from_files(std::string certificate_chain, std::string key, TlsOptions options) {
  auto state = std::make_shared<State>(std::move(options));
  auto loaded = state->put({{}, std::move(certificate_chain), std::move(key), true});
  if (!loaded) return loaded.error();
  return TlsContext(std::move(state));
}

Result<TlsContext> TlsContext::from_pem(std::string certificate_chain, std::string key, TlsOptions options) {
  auto state = std::make_shared<State>(std::move(options));
  auto loaded = state->put({{}, std::move(certificate_chain), std::move(key), false});
  if (!loaded) return loaded.error();
  return TlsContext(std::move(state));
}

Result<void> TlsContext::add_host_files(std::string host, std::string certificate_chain, std::string key) {
  if (host.empty()) return Error(ErrorCode::invalid_argument, "tls: a host without a name");
  return state_->put({lower_case(host), std::move(certificate_chain), std::move(key), true});
}

Result<void> TlsContext::add_host_pem(std::string host, std::string certificate_chain, std::string key) {
  if (host.empty()) return Error(ErrorCode::invalid_argument, "tls: a host without a name");
  return state_->put({lower_case(host), std::move(certificate_chain), std::move(key), false});
}

Result<void> TlsContext::reload() { return state_->reload(); }

Result<void> TlsContext::replace_pem(std::string certificate_chain, std::string key) {
  return state_->put({{}, std::move(certificate_chain), std::move(key), false});
}

std::shared_ptr<const TlsSettings> TlsContext::settings() const { return state_->settings(); }

}  // namespace sluice::SLUICE_ABI
