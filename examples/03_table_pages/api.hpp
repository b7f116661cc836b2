// SPDX-License-Identifier: MIT
// The HTTP side: the web page, and the JSON API that README.md writes down.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "database.hpp"
#include "live.hpp"
#include "pages.hpp"
#include "sluice/auth/token_auth.hpp"
#include "sluice/json/value.hpp"
#include "sluice/transport/gateway.hpp"

/// Answers every plain HTTP request. The work is done on the database's thread, one request at a time, from the look at
/// permissions to the broadcast.
class Api final : public sluice::HttpHandler {
 public:
  Api(Records records, Live& live, std::shared_ptr<const sluice::TokenAuth> auth, std::string jwt_secret)
      : records_(records), live_(live), auth_(std::move(auth)), jwt_secret_(std::move(jwt_secret)) {}

  sluice::Task<sluice::HttpResponse> handle(const sluice::HttpRequest& request) override;

 private:
  struct Call;
  struct Route;

  sluice::HttpResponse answer(Call& call);
  Account caller(const Call& call);
  std::int64_t table_for(const Account& account, const Call& call);
  std::int64_t row_for(const Account& account, const Call& call);
  NewCells cells_for(std::int64_t table_id, const sluice::json::Value& body);

  sluice::HttpResponse health(const Call& call);
  sluice::HttpResponse page(const Call& call);
  sluice::HttpResponse vue_page(const Call& call);
  sluice::HttpResponse react_page(const Call& call);
  sluice::HttpResponse client(const Call& call);
  sluice::HttpResponse users(const Call& call);
  sluice::HttpResponse sign_in(const Call& call);
  sluice::HttpResponse disconnect_user(const Call& call);
  sluice::HttpResponse get_table(const Call& call);
  sluice::HttpResponse export_table(const Call& call);
  sluice::HttpResponse get_view(const Call& call);
  sluice::HttpResponse get_dashboard(const Call& call);
  sluice::HttpResponse create_row(const Call& call);
  sluice::HttpResponse update_row(const Call& call);
  sluice::HttpResponse delete_row(const Call& call);
  sluice::HttpResponse share(const Call& call);
  sluice::HttpResponse revoke(const Call& call);

  Records records_;
  Live& live_;
  std::shared_ptr<const sluice::TokenAuth> auth_;
  std::string jwt_secret_;
};
