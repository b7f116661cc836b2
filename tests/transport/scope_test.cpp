// SPDX-License-Identifier: MIT
#include "sluice/transport/scope.hpp"

#include "sluice/transport/message.hpp"

#include "support/catch.hpp"

using namespace sluice;

namespace {

Scope with_query(std::string query) {
  RequestInfo request;
  request.query_string = std::move(query);
  return Scope(std::move(request));
}

std::string value(std::string query, std::string_view name = "jwt_token") {
  return with_query(std::move(query)).query_value(name).value_or("(none)");
}

Scope with_headers(std::vector<std::pair<std::string, std::string>> headers) {
  RequestInfo request;
  request.headers = std::move(headers);
  return Scope(std::move(request));
}

}  // namespace

TEST_CASE("a scope has its request", "[transport][SC-1]") {
  RequestInfo request;
  request.path = "/\xE9\xA6\x96/";
  request.raw_path = "/%E9%A6%96/";
  request.query_string = "foo=%41";
  request.subprotocols = {"b", "a"};
  request.client_address = "10.0.0.1:1234";
  request.server_address = "10.0.0.2:80";
  request.scheme = "wss";
  const Scope scope(std::move(request));
  CHECK(scope.path() == "/\xE9\xA6\x96/");
  CHECK(scope.raw_path() == "/%E9%A6%96/");
  CHECK(scope.query_string() == "foo=%41");
  CHECK(scope.subprotocols() == std::vector<std::string_view>{"b", "a"});
  CHECK(scope.client_address() == "10.0.0.1:1234");
  CHECK(scope.server_address() == "10.0.0.2:80");
  CHECK(scope.scheme() == "wss");
  CHECK(scope.user() == nullptr);
  CHECK(scope.web_socket_id().empty());
  CHECK(scope.offers_subprotocol("a"));
  CHECK_FALSE(scope.offers_subprotocol(""));
  CHECK(Scope().scheme() == "ws");
}

TEST_CASE("a header is found in any case, the first one or the last", "[transport][SC-1][MW-14]") {
  const Scope scope = with_headers({{"x-a", "1"}, {"origin", "https://one"}, {"x-a", "2"}, {"origin", ""}});
  CHECK(scope.header("x-a") == "1");
  CHECK(scope.header("X-A") == "1");
  CHECK(scope.last_header("X-a") == "2");
  CHECK(scope.header("Origin") == "https://one");
  CHECK(scope.last_header("ORIGIN") == "");
  CHECK(scope.header("x-b") == std::nullopt);
  CHECK(scope.last_header("x-") == std::nullopt);
  CHECK(scope.headers().size() == 4);
}

TEST_CASE("headers keep their order, and can be released", "[transport][SC-1]") {
  RequestInfo request;
  request.path = "/ws/";
  request.subprotocols = {"a"};
  request.headers = {{"b", "1"}, {"a", ""}, {"b", "2"}};
  Scope scope(request);
  std::string all;
  for (const auto [name, value] : scope.headers()) all += std::string(name) + "=" + std::string(value) + ";";
  CHECK(all == "b=1;a=;b=2;");
  CHECK(scope.headers()[2] == Headers::Header{"b", "2"});
  scope.forget_headers();
  CHECK(scope.headers().empty());
  CHECK(scope.path() == "/ws/");
  CHECK(scope.offers_subprotocol("a"));
}

TEST_CASE("a query parameter's first value that is not blank counts, decoded", "[transport][MW-2][MW-3][MW-5][MW-6]") {
  CHECK(value("") == "(none)");
  CHECK(value("jwt_token=abc") == "abc");
  CHECK(value("jwt_token=") == "(none)");
  CHECK(value("jwt_token") == "(none)");
  CHECK(value("jwt_token=&jwt_token=x") == "x");
  CHECK(value("jwt_token=random&jwt_token=valid") == "random");
  CHECK(value("a=1&jwt_token=x&b=2") == "x");
  CHECK(value("jwt_token=u%31") == "u1");
  CHECK(value("jwt_token=a+b%2Bc") == "a b+c");
  CHECK(value("jwt%5Ftoken=x") == "x");
  CHECK(value("jwt_token=a=b=c") == "a=b=c");
  CHECK(value("jwt_token=a;jwt_token=b") == "a;jwt_token=b");
  CHECK(value("a;jwt_token=b") == "(none)");
  CHECK(value("&&jwt_token=x&&") == "x");
  CHECK(value("JWT_TOKEN=x") == "(none)");
  CHECK(value("xjwt_token=x&jwt_tokenx=y") == "(none)");
  CHECK(value("jwt_token=%") == "%");
  CHECK(value("jwt_token=%4") == "%4");
  CHECK(value("jwt_token=%4x%zz%41") == "%4x%zzA");
  CHECK(value("jwt_token=%C3%A9%ff%00") == std::string("\xC3\xA9\xff\0", 4));
  CHECK(value("=x", "") == "x");
}

TEST_CASE("a cookie is read from the first Cookie header", "[transport][MW-17]") {
  CHECK(with_headers({}).cookie("a") == std::nullopt);
  const Scope scope = with_headers({{"cookie", "a=1; b = two ;c=\"three\";d=;e; a=9; f=x=y"}, {"cookie", "z=1"}});
  CHECK(scope.cookie("a") == "1");
  CHECK(scope.cookie("b") == "two");
  CHECK(scope.cookie("c") == "three");
  CHECK(scope.cookie("d") == "");
  CHECK(scope.cookie("e") == "");
  CHECK(scope.cookie("f") == "x=y");
  CHECK(scope.cookie("A") == std::nullopt);
  CHECK(scope.cookie("z") == std::nullopt);
}

TEST_CASE("captures are asked for by name and kind", "[transport][SC-7][SC-8]") {
  Scope scope;
  scope.set_url_route({.args = {}, .kwargs = {{"year", std::int64_t(2024)}, {"author", "ada"}}});
  CHECK(scope.captured_int("year") == 2024);
  CHECK(scope.captured_text("year") == std::nullopt);
  CHECK(scope.captured_text("author") == "ada");
  CHECK(scope.captured_int("author") == std::nullopt);
  CHECK(scope.captured_text("month") == std::nullopt);
  CHECK(scope.url_route().find("month") == nullptr);
}

TEST_CASE("the remaining path is the whole path until a route matches", "[transport][SC-4]") {
  RequestInfo request;
  request.path = "/a/b/";
  Scope scope(std::move(request));
  CHECK(scope.path_remaining() == "/a/b/");
  scope.set_path_taken(scope.path().size());
  CHECK(scope.path_remaining() == "");
  scope.set_path_taken(0);
  CHECK(scope.path_remaining() == "/a/b/");
}

TEST_CASE("a scope carries one object of each type", "[transport][MW-1]") {
  struct Tenant {
    std::string name;
  };
  Scope scope;
  CHECK(scope.find<Tenant>() == nullptr);
  scope.put(Tenant{"one"});
  scope.put(7);
  CHECK(scope.find<Tenant>()->name == "one");
  scope.put(Tenant{"two"}).name += "!";
  const Scope moved = std::move(scope);
  CHECK(moved.find<Tenant>()->name == "two!");
  CHECK(*moved.find<int>() == 7);
  CHECK(moved.find<std::string>() == nullptr);
}

TEST_CASE("a user is absent, anonymous, or has an id", "[transport][MW-8]") {
  Scope scope;
  CHECK(scope.user() == nullptr);
  scope.set_user(User());
  REQUIRE(scope.user());
  CHECK(scope.user()->anonymous());
  scope.set_user(User(7, "ada"));
  CHECK_FALSE(scope.user()->anonymous());
  CHECK(scope.user()->name() == "ada");
  scope.set_user(std::nullopt);
  CHECK(scope.user() == nullptr);
}

TEST_CASE("user ids differ by kind and value", "[transport][CC-22]") {
  CHECK(UserId(1) == UserId(std::int64_t(1)));
  CHECK(UserId("1") == UserId(std::string("1")));
  CHECK_FALSE(UserId(1) == UserId("1"));
  CHECK_FALSE(UserId() == UserId(0));
  CHECK_FALSE(UserId() == UserId(""));
  CHECK(UserId().anonymous());
  CHECK_FALSE(UserId("").anonymous());
  CHECK(*UserId(7U).number() == 7);
  CHECK(UserId(7).text() == nullptr);
  CHECK(*UserId("ada").text() == "ada");
  CHECK(UserId(-7).to_string() == "-7");
  CHECK(UserId("ada").to_string() == "ada");
  CHECK(UserId().to_string() == "");
  CHECK(std::hash<UserId>()(UserId(1)) == std::hash<UserId>()(UserId(1)));
}

TEST_CASE("a message is text or binary and gives its bytes away", "[transport]") {
  Message text = Message::text("hello");
  CHECK((text.is_text() && !text.is_binary()));
  CHECK(Message::binary("x").is_binary());
  CHECK_FALSE(text == Message::binary("hello"));
  const std::string taken = std::move(text).take_data();
  CHECK(taken == "hello");
}
