// SPDX-License-Identifier: MIT
#include "sluice/consumer/router.hpp"

#include "consumer/support/story.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::testing;
using Catch::Matchers::ContainsSubstring;

namespace {

class Pass : public Middleware {
  Task<Verdict> handle(Scope&) override { return Verdict::pass(); }
};

std::shared_ptr<Application> named(std::string name) {
  return application([name](const Scope&) -> std::unique_ptr<Consumer> { throw std::runtime_error(name); });
}

std::string to_text(const CapturedValue& value) {
  const auto* number = std::get_if<std::int64_t>(&value);
  return number ? std::to_string(*number) : '"' + std::get<std::string>(value) + '"';
}

// The route of a path: the name of the application, the captures, and the unmatched rest of the path.
std::string lead(const Application& routes, std::string path) {
  RequestInfo request;
  request.path = std::move(path);
  Scope scope(std::move(request));
  Application::Destination destination;
  if (!routes.resolve(scope, destination)) {
    CHECK(destination.factory == nullptr);
    CHECK(destination.middlewares.empty());
    CHECK(scope.url_route().args.empty());
    CHECK(scope.url_route().kwargs.empty());
    CHECK(scope.path_remaining() == scope.path());
    return "none";
  }
  std::string found;
  try {
    (*destination.factory)(scope);
  } catch (const std::runtime_error& error) {
    found = error.what();
  }
  for (const CapturedValue& value : scope.url_route().args) found += " " + to_text(value);
  for (const auto& [name, value] : scope.url_route().kwargs) found += " " + name + "=" + to_text(value);
  for (std::size_t i = 0; i < destination.middlewares.size(); ++i) found += " guarded";
  return found;
}

}  // namespace

TEST_CASE("a regular expression fits the beginning of the path, without its slashes", "[consumer][SC-4][SC-5]") {
  Router routes;
  routes.re_path("^ws/core/", named("core"));
  CHECK(lead(routes, "/ws/core/") == "core");
  CHECK(lead(routes, "//ws/core/") == "core");
  CHECK(lead(routes, "ws/core/") == "core");
  CHECK(lead(routes, "/ws/core/deep/er") == "core");
  CHECK(lead(routes, "/ws/core") == "none");
  CHECK(lead(routes, "/ws/cor/") == "none");
  CHECK(lead(routes, "/x/ws/core/") == "none");
  CHECK(lead(routes, "") == "none");
  CHECK(lead(routes, "/") == "none");
}

TEST_CASE("the first route that matches wins", "[consumer][SC-4]") {
  Router routes;
  routes.path("a/<slug:x>/", named("first")).path("a/b/", named("second")).path("c/", named("third"));
  CHECK(lead(routes, "/a/b/") == "first x=\"b\"");
  CHECK(lead(routes, "/c/") == "third");
}

TEST_CASE("a path without a route is answered with 404, and the layer is not called", "[consumer][SC-6]") {
  Story story;
  auto routes = std::make_shared<Router>();
  routes->path("here/", consumer<Obedient>(&story));
  Communicator browser(story.executor, routes, story.layer, {"/there/"});
  CHECK(browser.connect().http_status == 404);
  CHECK(story.layer.take_transcript() == "");
  CHECK(browser.host().stats().no_route == 1);
  CHECK(browser.finished());
}

TEST_CASE("a path pattern fits the whole path, character by character", "[consumer][SC-5]") {
  Router routes;
  routes.path("a.b+(c)/", named("odd")).path("", named("root")).path("ws/", named("ws"));
  CHECK(lead(routes, "/a.b+(c)/") == "odd");
  CHECK(lead(routes, "/aXb+(c)/") == "none");
  CHECK(lead(routes, "/") == "root");
  CHECK(lead(routes, "/ws/") == "ws");
  CHECK(lead(routes, "/ws/more") == "none");
  CHECK(lead(routes, "/ws") == "none");
  CHECK(lead(routes, "/ws/\n") == "none");
}

TEST_CASE("leading slashes of a pattern do not count, as those of a path do not", "[consumer][SC-4]") {
  Router routes;
  routes.path("/ws/a/", named("a"))
      .path("//", named("root"))
      .re_path("^/ws/b/", named("b"))
      .re_path("/ws/c", named("c"));
  routes.re_path("^/?ws/d/", named("d")).re_path("/{0,1}ws/e", named("e"));
  auto inner = std::make_shared<Router>();
  inner->path("/<int:n>/", named("inner"));
  routes.path("/in/", inner);
  CHECK(lead(routes, "/ws/a/") == "a");
  CHECK(lead(routes, "/ws/a") == "none");
  CHECK(lead(routes, "/") == "root");
  CHECK(lead(routes, "/ws/b/") == "b");
  CHECK(lead(routes, "/ws/c") == "c");
  CHECK(lead(routes, "/ws/d/") == "d");
  CHECK(lead(routes, "/ws/e") == "e");
  CHECK(lead(routes, "/in/7/") == "inner n=7");
}

TEST_CASE("captures take as much as leaves a fit for the rest", "[consumer][SC-8]") {
  Router routes;
  routes.path("ws/<slug:a>-<slug:b>/", named("two"))
      .path("adjacent/<slug:a><int:b>", named("adjacent"))
      .path("mid/<path:a>/x/<str:b>", named("mid"))
      .path("id/<uuid:a><path:b>", named("uuid"))
      .path("int/<int:a>5<path:b>", named("int"));
  CHECK(lead(routes, "/ws/x-y-z/") == "two a=\"x-y\" b=\"z\"");
  CHECK(lead(routes, "/ws/--/") == "none");
  CHECK(lead(routes, "/ws/---/") == "two a=\"-\" b=\"-\"");
  CHECK(lead(routes, "/ws/x-/") == "none");
  CHECK(lead(routes, "/adjacent/a12") == "adjacent a=\"a1\" b=2");
  CHECK(lead(routes, "/mid/1/x/2/x/3") == "mid a=\"1/x/2\" b=\"3\"");
  CHECK(lead(routes, "/mid/1/x/2/x/3/4") == "none");
  CHECK(lead(routes, "/id/075194d3-6885-417e-a8a8-6c931e272f00!") ==
        "uuid a=\"075194d3-6885-417e-a8a8-6c931e272f00\" b=\"!\"");
  CHECK(lead(routes, "/int/15525") == "int a=15 b=\"25\"");
}

TEST_CASE("a path that matches a pattern's pieces in many ways is matched in linear time", "[consumer]") {
  Router routes;
  routes.path("ws/<slug:a>-<slug:b>-<slug:c>-<slug:d>-<slug:e>/", named("slugs"))
      .path("p/<path:a>/<path:b>/<path:c>/<path:d>!", named("paths"))
      .re_path("^r/(a+)+(a*)*b$", named("regex"));
  CHECK(lead(routes, "/ws/" + std::string(8'000, '-')) == "none");
  CHECK(lead(routes, "/ws/" + std::string(8'000, '-') + "/").starts_with("slugs"));
  CHECK(lead(routes, "/p/" + std::string(8'000, '/')) == "none");
  CHECK(lead(routes, "/r/" + std::string(8'000, 'a')) == "none");
}

TEST_CASE("captures are converted as their pattern says", "[consumer][SC-7][SC-8]") {
  Router routes;
  routes.path("year/<int:year>/", named("int"))
      .path("author/<name>/", named("str"))
      .path("slug/<slug:s>/", named("slug"))
      .path("uuid/<uuid:id>/", named("uuid"))
      .path("file/<path:rest>", named("path"));
  CHECK(lead(routes, "/year/2024/") == "int year=2024");
  CHECK(lead(routes, "/year/0007/") == "int year=7");
  CHECK(lead(routes, "/year/9223372036854775807/") == "int year=9223372036854775807");
  CHECK(lead(routes, "/year/9223372036854775808/") == "none");
  CHECK(lead(routes, "/year/-1/") == "none");
  CHECK(lead(routes, "/year/x/") == "none");
  CHECK(lead(routes, "/author/2024/") == "str name=\"2024\"");
  CHECK(lead(routes, "/author/\xC3\xA9 & co/") == "str name=\"\xC3\xA9 & co\"");
  CHECK(lead(routes, "/author/a/b/") == "none");
  CHECK(lead(routes, "/author//") == "none");
  CHECK(lead(routes, "/slug/a-b_C9/") == "slug s=\"a-b_C9\"");
  CHECK(lead(routes, "/slug/a b/") == "none");
  CHECK(lead(routes, "/uuid/075194d3-6885-417e-a8a8-6c931e272f00/") ==
        "uuid id=\"075194d3-6885-417e-a8a8-6c931e272f00\"");
  CHECK(lead(routes, "/uuid/075194D3-6885-417E-A8A8-6C931E272F00/") == "none");
  CHECK(lead(routes, "/file/a/b/c.txt") == "path rest=\"a/b/c.txt\"");
}

TEST_CASE("groups of a regular expression are captured by position or by name", "[consumer][SC-7]") {
  Router routes;
  routes.re_path(R"(^posarg/(\d+)/$)", named("positional"))
      .re_path(R"(^kwarg/(?P<name>\w+)/$)", named("named"))
      .re_path(R"(^both/(\d+)/(?P<name>\w+)/$)", named("both"))
      .re_path(R"(^plain/(?:a|b)/([^/(]+)/$)", named("plain"))
      .re_path(R"(^maybe/(\d+)?$)", named("maybe"));
  CHECK(lead(routes, "/posarg/123/") == "positional \"123\"");
  CHECK(lead(routes, "/kwarg/hello/") == "named name=\"hello\"");
  CHECK(lead(routes, "/both/1/hello/") == "both name=\"hello\"");
  CHECK(lead(routes, "/plain/b/c/") == "plain \"c\"");
  CHECK(lead(routes, "/maybe/") == "maybe");
}

TEST_CASE("nested routers match the rest of the path and append captures, and inner names win",
          "[consumer][SC-7][SC-11]") {
  auto inner = std::make_shared<Router>();
  inner->re_path(R"(^book/(\d+)/(\d+)/$)", named("book"))
      .path("<int:page>/<slug:name>/", named("page"))
      .path("", named("index"));
  Router outer;
  outer.re_path(R"(^universe/(\d+)/)", inner).path("shelf/<slug:name>/", inner);
  CHECK(lead(outer, "/universe/42/book/1/2/") == "book \"42\" \"1\" \"2\"");
  CHECK(lead(outer, "/universe/42/") == "index \"42\"");
  CHECK(lead(outer, "/universe/42/nothing") == "none");
  CHECK(lead(outer, "/shelf/a/7/b/") == "page name=\"b\" page=7");
  CHECK(lead(outer, "/shelf/a//") == "index name=\"a\"");
}

TEST_CASE("a route's own values win over captured ones", "[consumer][SC-7]") {
  Router routes;
  routes.path("a/<int:n>/", named("a"), {{"n", std::int64_t(1)}, {"extra", "x"}});
  CHECK(lead(routes, "/a/7/") == "a n=1 extra=\"x\"");
}

TEST_CASE("when an inner router has no match, the outer one tries its later routes", "[consumer][SC-9]") {
  auto inner = std::make_shared<Router>();
  inner->path("no/<int:match>/", named("inner"));
  auto guarded = with(std::make_shared<Pass>(), inner);
  Router outer;
  outer.re_path("^(pre)fix/", guarded).path("prefix/stuff/", named("outer"));
  CHECK(lead(outer, "/prefix/stuff/") == "outer");
  CHECK(lead(outer, "/prefix/no/1/") == "inner \"pre\" match=1 guarded");
  CHECK(lead(outer, "/prefix/other/") == "none");
}

TEST_CASE("a path pattern in front of a router fits a prefix, also through a middleware", "[consumer][SC-11]") {
  auto inner = std::make_shared<Router>();
  inner->path("b/", named("b"));
  Router outer;
  outer.path("a/", with(std::make_shared<Pass>(), inner)).path("c/", with(std::make_shared<Pass>(), named("c")));
  CHECK(lead(outer, "/a/b/") == "b guarded");
  CHECK(lead(outer, "/c/") == "c guarded");
  CHECK(lead(outer, "/c/more") == "none");
}

TEST_CASE("malformed routes are refused at start, by name", "[consumer]") {
  const auto path = [](const char* pattern) { Router().path(pattern, named("x")); };
  const auto re_path = [](const char* pattern) { Router().re_path(pattern, named("x")); };
  CHECK_THROWS_WITH(path("a/<int:n/"), ContainsSubstring("a/<int:n/"));
  CHECK_THROWS_WITH(path("a/<float:n>/"), ContainsSubstring("float"));
  CHECK_THROWS_WITH(path("a/<int:>/"), ContainsSubstring("a/<int:>/"));
  CHECK_THROWS_WITH(path("<a>/<a>/"), ContainsSubstring("two captures"));
  CHECK_THROWS_AS(re_path("^a("), std::invalid_argument);
  CHECK_THROWS_AS(re_path("^(?P<a"), std::invalid_argument);
  CHECK_THROWS_AS(re_path("^(?P<1>x)"), std::invalid_argument);
  CHECK_THROWS_WITH(re_path("^(?!x)"), ContainsSubstring("look-ahead"));
  CHECK_THROWS_WITH(re_path(R"(^(a)\1)"), ContainsSubstring("back reference"));
  CHECK_THROWS_AS(re_path("^(?P<a>x)(?P<a>y)"), std::invalid_argument);
  CHECK_THROWS_AS(Router().path("a/", nullptr), std::invalid_argument);
  CHECK_THROWS_AS(Router().re_path("^a", nullptr), std::invalid_argument);
}

TEST_CASE("a path as long as a request line allows is matched", "[consumer]") {
  Router routes;
  routes.re_path("^(a|b)*/x$", named("greedy")).path("<path:all>", named("all"));
  CHECK(lead(routes, "/" + std::string(2000, 'a')).starts_with("all"));
  CHECK(lead(routes, "/" + std::string(16'000, 'a')) == "all all=\"" + std::string(16'000, 'a') + '"');
}

TEST_CASE("a root path is an outer router: every path begins with it, and it is taken off once", "[consumer][SC-10]") {
  const auto inner = std::make_shared<Router>();
  inner->path("foo/", named("foo"));
  Router routes;
  routes.path("root/", inner);
  CHECK(lead(routes, "/root/foo/") == "foo");
  CHECK(lead(routes, "/foo/") == "none");
  CHECK(lead(routes, "/root/root/foo/") == "none");
  CHECK(lead(routes, "/") == "none");
}
