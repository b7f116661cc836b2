// SPDX-License-Identifier: MIT
// Maps the claims of a token to a user: the application's part of authentication.
#pragma once

#include <optional>
#include <string>

#include "sluice/abi.hpp"
#include "sluice/auth/claims.hpp"
#include "sluice/core/task.hpp"
#include "sluice/transport/user.hpp"

namespace sluice::SLUICE_ABI {

/// Finds the user of a verified token. One object serves all connections of all executors at once.
///
///     Task<std::optional<User>> resolve(const Claims& claims) override {
///       const auto id = claims["user_id"].as_int();
///       if (!id) co_return std::nullopt;
///       auto look_up = pool_.run([this, id] { return directory_.find(*id); });
///       const auto person = co_await look_up;
///       if (!person || !person->active || claims.issued_at() < person->password_changed) co_return std::nullopt;
///       co_return User(*id, person->name);
///     }
///
/// Any thread.
class SLUICE_API UserResolver {
 public:
  virtual ~UserResolver() = default;
  /// The user, or nullopt for a token that is no longer valid: no such user, not active, being deleted, or issued
  /// before the last change of the password (behaviour MW-9). An exception is a failure of the look-up itself and ends
  /// the handshake with 500 (MW-10). The claims are valid until the task has finished.
  virtual Task<std::optional<User>> resolve(const Claims& claims) = 0;
};

/// The claims that ClaimUser reads. A value.
struct ClaimUserOptions {
  std::string id_claim = "user_id";
  std::string name_claim = "name";  // a text; its absence is no error
  /// Ids written as text, such as "17", become numbers: for issuers that write ids as text while events use numbers. A
  /// text that is no 64-bit number in its canonical form ("01" is not) is then no user.
  bool ids_are_numbers = false;
};

/// Uses a claim, a number or a text, as the user without a look-up. For issuers whose short-lived tokens are the only
/// directory. Any thread.
class SLUICE_API ClaimUser final : public UserResolver {
 public:
  explicit ClaimUser(ClaimUserOptions options = {});
  Task<std::optional<User>> resolve(const Claims& claims) override;

 private:
  std::optional<UserId> id_of(json::Value claim) const;
  ClaimUserOptions options_;
};

}  // namespace sluice::SLUICE_ABI
