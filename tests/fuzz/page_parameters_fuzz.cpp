// SPDX-License-Identifier: MIT
// Malicious page parameters: they are echoed as received, and every spelling is the same page.
#include <string>
#include <vector>

#include "fuzz/check.hpp"
#include "sluice/json/document.hpp"
#include "sluice/json/writer.hpp"
#include "sluice/page/page_parameters.hpp"

using namespace sluice;

namespace {

const std::vector<PageParameter> declared{
    {.name = "id"},
    {.name = "slug", .kind = ParameterKind::text},
    {.name = "row", .optional = true, .lowest = 0, .highest = 255},
    {.name = "token", .kind = ParameterKind::text, .optional = true},
};

// The echo holds the declared names in their order, and the client's values.
void check_echo(const PageParameters& parameters, json::Value message) {
  const auto echo = json::Document::parse(parameters.received().view());
  check(echo.has_value() && echo->root().size() == declared.size());
  std::size_t at = 0;
  for (const auto [key, value] : echo->root().members()) {
    check(key == declared[at++].name);
    const auto said = message[key];
    if (said.is_missing()) {
      check(value.is_null());
    } else {
      check(json::Writer().value(value).take() == json::Writer().value(said).take());
    }
  }
}

void check_fit(const PageParameters& parameters) {
  const auto id = parameters.integer("id"), row = parameters.integer("row");
  const auto slug = parameters.text("slug"), token = parameters.text("token");
  check(id && slug && slug->size() <= max_text_parameter_bytes && (!row || (*row >= 0 && *row <= 255)));

  // Its normal form and its echo are the same page.
  json::Writer out;
  out.begin_object().key("id").value(*id).key("slug").value(*slug);
  row ? out.key("row").value(*row) : out.key("row").null();
  token ? out.key("token").value(*token) : out.key("token").null();
  for (const std::string& said : {out.end_object().take(), std::string(parameters.received().view())}) {
    const auto document = json::Document::parse(said);
    check(document.has_value());
    const auto again = PageParameters::read(declared, document->root());
    check(again.fit() && again.canonical() == parameters.canonical());
  }
  const auto canonical = json::Document::parse(parameters.canonical());
  check(canonical.has_value() && canonical->root().size() == declared.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto document = json::Document::parse(text_of(data, size));
  if (!document) return 0;
  const auto parameters = PageParameters::read(declared, document->root());
  check_echo(parameters, document->root());
  if (parameters.fit()) {
    check_fit(parameters);
  } else {
    check(parameters.canonical().empty() && !parameters.integer("id") && !parameters.text("slug"));
  }
  return 0;
}
