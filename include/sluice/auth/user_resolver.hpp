// SPDX-License-Identifier: MIT
// From the claims of a token to a user: the application's own half of authentication.
#pragma once

#include <optional>
#include <string>

#include "sluice/auth/claims.hpp"
#include "sluice/core/task.hpp"
#include "sluice/transport/user.hpp"

namespace sluice {

/// Finds the user that a verified token speaks of. One object serves all connections of all executors at once.
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
class UserResolver {
 public:
  virtual ~UserResolver() = default;
  /// The user, or nothing for a token that no longer counts: no such user, not active, being deleted, or issued before
  /// the last change of the password (behaviour MW-9). An exception is a failure of the look-up itself and ends the
  /// handshake with 500 (MW-10). The claims live until the task has finished.
  virtual Task<std::optional<User>> resolve(const Claims& claims) = 0;
};

/// Where ClaimUser looks. A value.
struct ClaimUserOptions {
  std::string id_claim = "user_id";
  std::string name_claim = "name";  // a text; its absence is no error
  /// Ids written as text, such as "17", become numbers; for issuers that write every id as text while events name
  /// users by number. A text that is no 64-bit number in its one spelling ("01" is none) is then no user.
  bool ids_are_numbers = false;
};

/// Takes the token's word for it: its user is who a claim says, a number or a text. For issuers whose short-lived
/// tokens are the only directory. Any thread.
class ClaimUser final : public UserResolver {
 public:
  explicit ClaimUser(ClaimUserOptions options = {});
  Task<std::optional<User>> resolve(const Claims& claims) override;

 private:
  std::optional<UserId> id_of(json::Value claim) const;
  ClaimUserOptions options_;
};

}  // namespace sluice
