// SPDX-License-Identifier: MIT
#include "api.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <string_view>
#include <vector>

#include "export.hpp"
#include "sluice/auth/jwt_signer.hpp"
#include "sluice/core/log.hpp"
#include "sluice/json/document.hpp"
#include "support/client_modules.hpp"
#include "wire.hpp"

using sluice::HttpResponse;

namespace {

constexpr std::string_view table_html =
#include "table.html.inc"
    ;
constexpr std::string_view vue_html =
#include "vue.html.inc"
    ;
constexpr std::string_view react_html =
#include "react.html.inc"
    ;

/// The end of a request that can't be granted. `code` is for programs, `detail` for people.
struct ApiError {
  int status;
  std::string_view code;
  std::string detail;
};

HttpResponse json_answer(const sluice::json::Text& text, int status = 200) {
  HttpResponse response = HttpResponse::json(std::string(text.view()), status);
  response.add_header("Cache-Control", "no-store");
  return response;
}

HttpResponse error_answer(const ApiError& error) {
  sluice::json::Writer body;
  body.begin_object().key("error").value(error.code).key("detail").value(error.detail).end_object();
  HttpResponse response = json_answer(body.take_text(), error.status);
  if (error.status == 401) response.add_header("WWW-Authenticate", "JWT");
  return response;
}

std::vector<std::string> split(std::string_view path) {
  std::vector<std::string> segments;
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    const std::string_view segment = path.substr(0, path.find('/'));
    segments.emplace_back(segment);
    path.remove_prefix(segment.size());
  }
  return segments;
}

sluice::json::Document parse(const std::string& body) {
  auto document = sluice::json::Document::parse(body.empty() ? "{}" : body);
  if (!document) throw ApiError{400, "bad_json", document.error().context()};
  if (!document->root().is_object()) throw ApiError{400, "bad_json", "The body must be a JSON object."};
  return std::move(*document);
}

std::int64_t user_id_in(const sluice::json::Document& body) {
  const auto user_id = body.root()["user_id"].as_int();
  if (!user_id) throw ApiError{400, "bad_user_id", "\"user_id\" must be the number of a user."};
  return *user_id;
}

Cell cell_from(std::string_view column, sluice::json::Value value) {
  if (value.is_null()) return {};
  if (const auto text = value.as_string()) return std::string(*text);
  if (const auto whole = value.as_int()) return *whole;
  if (const auto number = value.as_double()) return *number;
  throw ApiError{400, "bad_cell", fmt::format("\"{}\": a cell is a text, a number or null.", column)};
}

}  // namespace

/// A request, taken apart. It owns what it holds, since the database's thread may be busy with it when the connection
/// that asked is gone.
struct Api::Call {
  std::string method;
  std::vector<std::string> segments;
  std::string body;
  sluice::Authentication who;
  std::string web_socket_id;
  std::vector<std::string> captures = {};  // what stood in the place of {}

  std::int64_t id(std::size_t index) const {
    const std::string& text = captures.at(index);
    std::int64_t number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    if (read.ec != std::errc{} || read.ptr != text.data() + text.size() || number <= 0) {
      throw ApiError{404, "not_found", fmt::format("\"{}\" is no id.", text)};
    }
    return number;
  }
};

struct Api::Route {
  std::string_view method;
  std::string_view pattern;  // {} stands for one segment
  HttpResponse (Api::*handler)(const Call& call);

  bool fits(Call& call) const {
    const std::vector<std::string> wanted = split(pattern);
    call.captures.clear();
    return std::ranges::equal(wanted, call.segments, [&](const std::string& expected, const std::string& segment) {
      if (expected != "{}") return expected == segment;
      call.captures.push_back(segment);
      return true;
    });
  }
};

sluice::Task<HttpResponse> Api::handle(const sluice::HttpRequest& request) {
  auto who = co_await auth_->authenticate(request.scope());
  if (!who) co_return error_answer({400, "bad_request", who.error().context()});
  Call call{.method = request.method(),
            .segments = split(request.path()),
            .body = request.body(),
            .who = std::move(*who),
            .web_socket_id = std::string(request.header("WebSocketId").value_or(""))};
  auto answered = records_.thread.run([this, call = std::move(call)]() mutable { return answer(call); });
  co_return co_await answered;
}

HttpResponse Api::answer(Call& call) try {
  static constexpr Route routes[] = {
      {"GET", "/", &Api::page},
      {"GET", "/view/{}", &Api::page},
      {"GET", "/vue", &Api::vue_page},
      {"GET", "/react", &Api::react_page},
      {"GET", "/sluice-client/{}", &Api::client},
      {"GET", "/health", &Api::health},
      {"GET", "/api/users", &Api::users},
      {"POST", "/api/sign-in", &Api::sign_in},
      {"POST", "/api/users/{}/disconnect", &Api::disconnect_user},
      {"GET", "/api/tables/{}", &Api::get_table},
      {"GET", "/api/tables/{}/export.csv", &Api::export_table},
      {"POST", "/api/tables/{}/rows", &Api::create_row},
      {"PATCH", "/api/tables/{}/rows/{}", &Api::update_row},
      {"DELETE", "/api/tables/{}/rows/{}", &Api::delete_row},
      {"POST", "/api/tables/{}/shares", &Api::share},
      {"DELETE", "/api/tables/{}/shares/{}", &Api::revoke},
      {"GET", "/api/views/{}", &Api::get_view},
      {"GET", "/api/dashboards/{}", &Api::get_dashboard},
  };
  std::string allowed;
  for (const Route& route : routes) {
    if (!route.fits(call)) continue;
    if (route.method == call.method) {
      HttpResponse response = (this->*route.handler)(call);
      return response.set_route(std::string(route.pattern));
    }
    allowed += (allowed.empty() ? "" : ", ") + std::string(route.method);
  }
  if (allowed.empty()) throw ApiError{404, "not_found", "There is nothing at this path."};
  HttpResponse response = error_answer({405, "method_not_allowed", "This path knows " + allowed + "."});
  return response.add_header("Allow", allowed);
} catch (const ApiError& error) {
  return error_answer(error);
} catch (const SqliteError& error) {
  sluice::log(sluice::LogLevel::error, error.what());
  return error_answer({500, "database_failed", "The database could not do that."});
}

// --- Who asks, and what they may

Account Api::caller(const Call& call) {
  if (!call.who.presented) throw ApiError{401, "not_signed_in", "Send the header \"Authorization: JWT <token>\"."};
  const std::int64_t* user_id = call.who.user ? call.who.user->id().number() : nullptr;
  const auto account = user_id ? records_.database.account(*user_id) : std::nullopt;
  if (!account) throw ApiError{401, "bad_token", "The token does not count."};
  return *account;
}

std::int64_t Api::table_for(const Account& account, const Call& call) {
  const std::int64_t table_id = call.id(0);
  if (!records_.database.has_table(table_id)) throw ApiError{404, "no_such_table", "There is no such table."};
  if (!records_.database.may_see(account.id, table_id)) {
    throw ApiError{403, "no_permission", "This table is not shared with you."};
  }
  return table_id;
}

std::int64_t Api::row_for(const Account& account, const Call& call) {
  const std::int64_t row_id = call.id(1);
  if (!records_.database.has_row(table_for(account, call), row_id)) {
    throw ApiError{404, "no_such_row", "There is no such row."};
  }
  return row_id;
}

NewCells Api::cells_for(std::int64_t table_id, const sluice::json::Value& body) {
  const std::vector<Column> columns = records_.database.columns(table_id);
  NewCells cells;
  for (const auto& [name, value] : body.members()) {
    const auto column = std::ranges::find(columns, name, &Column::name);
    if (column == columns.end()) throw ApiError{400, "no_such_column", fmt::format("There is no column \"{}\".", name)};
    cells.emplace_back(column->id, cell_from(name, value));
  }
  return cells;
}

// --- The answers

HttpResponse Api::health(const Call&) { return HttpResponse::json(R"({"status":"ok"})"); }

HttpResponse Api::page(const Call&) {
  HttpResponse response = HttpResponse::html(std::string(table_html));
  response.add_header("Content-Security-Policy",
                      "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'unsafe-inline'; connect-src "
                      "'self'; img-src data:; frame-ancestors 'none'; base-uri 'none'");
  return response;
}

// These two fetch their framework from where it is published: they are to be read, and show no rights.
HttpResponse Api::vue_page(const Call&) { return HttpResponse::html(std::string(vue_html)); }
HttpResponse Api::react_page(const Call&) { return HttpResponse::html(std::string(react_html)); }

HttpResponse Api::client(const Call& call) {
  const auto text = client_module(call.captures.at(0));
  if (!text) throw ApiError{404, "not_found", "The client has no such module."};
  return HttpResponse(200, std::string(*text), "text/javascript; charset=utf-8");
}

HttpResponse Api::users(const Call&) {
  sluice::json::Writer body;
  sluice::json::write(body.begin_object().key("users"), records_.database.accounts());
  return json_answer(body.end_object().take_text());
}

HttpResponse Api::sign_in(const Call& call) {
  const auto account = records_.database.account(user_id_in(parse(call.body)));
  if (!account) throw ApiError{404, "no_such_user", "There is no such user."};
  const auto now = std::chrono::system_clock::now();
  sluice::json::Writer claims;
  claims.begin_object().key("user_id").value(account->id);
  claims.key("iat").value(std::chrono::system_clock::to_time_t(now));
  claims.key("exp").value(std::chrono::system_clock::to_time_t(now + std::chrono::hours(12))).end_object();
  sluice::json::Writer body;
  body.begin_object().key("token").value(sluice::sign_hs256(claims.take(), jwt_secret_)).key("user");
  sluice::json::write(body, *account);
  return json_answer(body.end_object().take_text());
}

HttpResponse Api::disconnect_user(const Call& call) {
  const Account account = caller(call);
  const std::int64_t user_id = call.id(0);
  if (!records_.database.account(user_id)) throw ApiError{404, "no_such_user", "There is no such user."};
  if (!account.admin && account.id != user_id) {
    throw ApiError{403, "no_permission", "You may disconnect nobody but yourself."};
  }
  live_.disconnected(user_id, call.web_socket_id);
  return HttpResponse(204);
}

HttpResponse Api::get_table(const Call& call) {
  return json_answer(sluice::json::encode(records_.database.table(table_for(caller(call), call))));
}

HttpResponse Api::export_table(const Call& call) {
  const Account account = caller(call);
  auto rows = std::make_shared<CsvExport>(records_, account.id, table_for(account, call));
  HttpResponse response = HttpResponse::stream("text/csv; charset=utf-8; header=present", std::move(rows));
  response.add_header("Content-Disposition", "attachment");
  return response.add_header("Cache-Control", "no-store");
}

HttpResponse Api::get_view(const Call& call) {
  const auto view = records_.database.view(call.captures.at(0));
  // Who may not see a view is not told either that it exists: one answer for a missing view, a private one, and a
  // private one asked for with a bad token.
  const std::int64_t* user_id = call.who.user ? call.who.user->id().number() : nullptr;
  const bool shown =
      view && !view->is_form && (view->is_public || (user_id && records_.database.may_see(*user_id, view->table_id)));
  if (!shown) throw ApiError{404, "no_such_view", "There is no such view."};
  const Table table = records_.database.table(view->table_id, view->slug);
  sluice::json::Writer body;
  body.begin_object().key("slug").value(view->slug).key("name").value(table.name);
  body.key("table_id").value(placeholder_table_id);
  sluice::json::write(body.key("columns"), table.columns);
  sluice::json::write(body.key("rows"), table.rows);
  return json_answer(body.end_object().take_text());
}

HttpResponse Api::get_dashboard(const Call& call) {
  const Account account = caller(call);
  const auto dashboard = records_.database.dashboard(call.id(0));
  if (!dashboard) throw ApiError{404, "no_such_dashboard", "There is no such dashboard."};
  if (!records_.database.may_see(account.id, dashboard->table_id)) {
    throw ApiError{403, "no_permission", "This dashboard is not shared with you."};
  }
  sluice::json::Writer body;
  body.begin_object().key("id").value(dashboard->id).key("rows").value(dashboard->rows);
  return json_answer(body.key("changes").value(dashboard->changes).end_object().take_text());
}

HttpResponse Api::create_row(const Call& call) {
  const std::int64_t table_id = table_for(caller(call), call);
  const sluice::json::Document body = parse(call.body);
  const std::int64_t row_id = records_.database.add_row(table_id, cells_for(table_id, body.root()));
  live_.row_created(table_id, row_id, call.web_socket_id);
  return json_answer(sluice::json::encode(*records_.database.row(table_id, row_id)), 201);
}

HttpResponse Api::update_row(const Call& call) {
  const Account account = caller(call);
  const std::int64_t table_id = table_for(account, call);
  const std::int64_t row_id = row_for(account, call);
  const sluice::json::Document body = parse(call.body);
  const NewCells cells = cells_for(table_id, body.root());
  if (!cells.empty()) {
    records_.database.change_row(table_id, row_id, cells);
    live_.row_changed(table_id, row_id, cells, call.web_socket_id);
  }
  return json_answer(sluice::json::encode(*records_.database.row(table_id, row_id)));
}

HttpResponse Api::delete_row(const Call& call) {
  const Account account = caller(call);
  const std::int64_t table_id = table_for(account, call);
  const std::int64_t row_id = row_for(account, call);
  records_.database.delete_row(table_id, row_id);
  live_.row_deleted(table_id, row_id, call.web_socket_id);
  return HttpResponse(204);
}

HttpResponse Api::share(const Call& call) {
  const Account account = caller(call);
  const std::int64_t table_id = table_for(account, call);
  if (!records_.database.owns(account.id, table_id)) throw ApiError{403, "not_the_owner", "Only the owner may share."};
  const std::int64_t user_id = user_id_in(parse(call.body));
  if (!records_.database.account(user_id)) throw ApiError{404, "no_such_user", "There is no such user."};
  if (user_id == account.id) throw ApiError{409, "is_the_owner", "The owner sees the table anyway."};
  const bool changed = records_.database.share(table_id, user_id);
  if (changed) live_.shared(table_id, user_id, account.id);
  sluice::json::Writer body;
  body.begin_object().key("table_id").value(table_id).key("user_id").value(user_id).end_object();
  return json_answer(body.take_text(), changed ? 201 : 200);
}

HttpResponse Api::revoke(const Call& call) {
  const Account account = caller(call);
  const std::int64_t table_id = table_for(account, call);
  if (!records_.database.owns(account.id, table_id)) throw ApiError{403, "not_the_owner", "Only the owner may revoke."};
  const std::int64_t user_id = call.id(1);
  if (!records_.database.revoke(table_id, user_id)) {
    throw ApiError{404, "no_such_share", "The table is not shared with this user."};
  }
  live_.revoked(table_id, user_id, account.id);
  return HttpResponse(204);
}
