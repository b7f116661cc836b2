// SPDX-License-Identifier: MIT
// Whose token is it? A user of the database, or nobody.
#pragma once

#include <optional>

#include "pages.hpp"
#include "sluice/auth/user_resolver.hpp"

/// Finds the user in a token's claim `user_id`.
class Accounts final : public sluice::UserResolver {
 public:
  explicit Accounts(Records records) : records_(records) {}

  sluice::Task<std::optional<sluice::User>> resolve(const sluice::Claims& claims) override {
    const auto user_id = claims["user_id"].as_int();
    if (!user_id) co_return std::nullopt;
    auto look_up =
        records_.thread.run([&database = records_.database, user_id = *user_id] { return database.account(user_id); });
    const auto account = co_await look_up;
    if (!account) co_return std::nullopt;
    co_return sluice::User(account->id, account->name);
  }

 private:
  Records records_;
};
