// SPDX-License-Identifier: MIT
#include "sluice/page/wire_description.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <stdexcept>

namespace sluice::SLUICE_ABI {

namespace {

using json::Schema;
using json::Writer;
using Kind = json::Schema::Kind;

// --- The CoreConsumer's own messages

Schema constant(std::string_view text) {
  Schema made = Schema::of(Kind::constant);
  made.constant = text;
  return made;
}

Schema or_null(Schema schema) {
  schema.nullable = true;
  return schema;
}

Schema truth() { return Schema::of(Kind::boolean); }
Schema text() { return Schema::of(Kind::text); }

Schema message(std::string_view type, std::vector<Schema::Property> properties = {}) {
  Schema made = Schema::of(Kind::object);
  made.properties.push_back({"type", constant(type)});
  for (auto& property : properties) made.properties.push_back(std::move(property));
  return made;
}

Schema any_parameters() { return Schema::of(Kind::map, Schema{}); }

std::vector<WireDescription::Event> own_messages() {
  Schema missed = Schema::of(Kind::object);
  missed.properties = {{"page", text()}, {"parameters", any_parameters()}};
  const auto event = [](std::string_view type, std::vector<Schema::Property> properties = {}) {
    return WireDescription::Event{std::string(type), message(type, std::move(properties))};
  };
  return {
      event("authentication", {{"success", truth()},
                               {"web_socket_id", or_null(text())},
                               {"features", Schema::of(Kind::array, text()), false},
                               {"heartbeat", or_null(Schema::of(Kind::integer)), false}}),
      event("pong"),
      event("page_add", {{"page", text()}, {"parameters", any_parameters()}}),
      event("page_discard", {{"page", text()}, {"parameters", any_parameters()}, {"revoked", truth(), false}}),
      event("page_error", {{"page", text()}, {"parameters", any_parameters()}, {"error", text()}}),
      event("updates_missed", {{"pages", Schema::of(Kind::array, missed), false}}),
      event("force_disconnect"),
  };
}

bool same(const Schema& a, const Schema& b) {
  const auto written = [](const Schema& schema) {
    Writer out;
    json::write_json_schema(out, schema);
    return std::string(out.take_text().view());
  };
  return written(a) == written(b);
}

// --- Parameters, as a client may write them: integers also as text

std::string typescript_of(const std::vector<PageParameter>& parameters) {
  std::string made;
  for (const auto& parameter : parameters) {
    made += fmt::format("{}{}{} {}{}", made.empty() ? "" : "; ", parameter.name, parameter.optional ? "?:" : ":",
                        parameter.kind == ParameterKind::integer ? "number | `${bigint}`" : "string",
                        parameter.optional ? " | null" : "");
  }
  return "{" + made + "}";
}

void write_parameter(Writer& out, const PageParameter& parameter) {
  out.begin_object().key("anyOf").begin_array();
  if (parameter.kind == ParameterKind::integer) {
    out.begin_object().key("type").value("integer").key("minimum").value(parameter.lowest);
    out.key("maximum").value(parameter.highest).end_object();
    out.begin_object().key("type").value("string").key("pattern").value("^-?(0|[1-9][0-9]*)$").end_object();
  } else {
    out.begin_object().key("type").value("string").end_object();
  }
  if (parameter.optional) out.begin_object().key("type").value("null").end_object();
  out.end_array().end_object();
}

void write_parameters(Writer& out, const WireDescription::PageEntry& page, std::string_view key) {
  out.begin_object().key("type").value("object").key("properties").begin_object();
  out.key(key).begin_object().key("const").value(page.name).end_object();
  for (const auto& parameter : page.parameters) write_parameter(out.key(parameter.name), parameter);
  out.end_object().key("required").begin_array().value(key);
  for (const auto& parameter : page.parameters) {
    if (!parameter.optional) out.value(parameter.name);
  }
  out.end_array().end_object();
}

// --- Texts

/// FNV-1a, 64 bits: detects that two descriptions differ, nothing more.
std::string hash_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return fmt::format("{:016x}", hash);
}

/// rows_updated becomes RowsUpdated.
std::string pascal(std::string_view type) {
  std::string made;
  bool start = true;
  for (const char c : type) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (letter) made += start && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    start = !letter;
  }
  return made;
}

void write_reference(Writer& out, std::string_view to) { out.begin_object().key("$ref").value(to).end_object(); }

void write_frame(Writer& out, const std::vector<WireDescription::PageEntry>& pages, std::string_view key) {
  out.begin_object().key("payload").begin_object().key("anyOf").begin_array();
  for (const auto& page : pages) write_parameters(out, page, key);
  out.end_array().end_object().end_object();
}

}  // namespace

WireDescription::WireDescription(std::string title, std::string version)
    : title_(std::move(title)), version_(std::move(version)), events_(own_messages()) {}

void WireDescription::add(std::string type, json::Schema schema) {
  const auto there = std::ranges::find(events_, type, &Event::type);
  if (there == events_.end()) {
    events_.push_back({std::move(type), std::move(schema)});
  } else if (!same(there->schema, schema)) {
    throw std::invalid_argument(fmt::format("describing {}: two events of this type have different fields", type));
  }
}

std::string WireDescription::typescript(std::string_view name) const {
  std::string made;
  for (const auto& event : events_) {
    made += fmt::format("export type {} = {};\n", pascal(event.type), json::typescript(event.schema));
  }
  made += "\nexport interface Events {\n";
  for (const auto& event : events_) made += fmt::format("  {}: {};\n", event.type, pascal(event.type));
  made += "}\n\nexport interface Pages {\n";
  for (const auto& page : pages_) made += fmt::format("  {}: {};\n", page.name, typescript_of(page.parameters));
  made += fmt::format("}}\n\nexport interface {} {{\n  events: Events;\n  pages: Pages;\n}}\n", name);
  return fmt::format(
      "// Generated by sluice_describe() from {} {}: do not edit.\n"
      "// Integers are numbers here: an id beyond 2^53 does not survive JSON.parse, and is better declared as a text.\n"
      "\n{}\n// Schema {}\n",
      title_, version_, made, hash_of(made));
}

std::string WireDescription::asyncapi() const {
  const auto write = [this](std::string_view hash) {
    Writer out;
    out.begin_object().key("asyncapi").value("3.0.0").key("info").begin_object();
    out.key("title").value(title_).key("version").value(version_).end_object();
    // A WebSocket has one channel for each connection (binding 0.1.0).
    out.key("channels").begin_object().key("core").begin_object().key("address").value("/ws/core/");
    out.key("messages").begin_object();
    const auto reference = [&](std::string_view name) {
      write_reference(out.key(name), fmt::format("#/components/messages/{}", name));
    };
    reference("subscribe");
    reference("unsubscribe");
    for (const auto& event : events_) reference(event.type);
    out.end_object().key("bindings").begin_object().key("ws").begin_object().key("bindingVersion").value("0.1.0");
    out.key("query").begin_object().key("type").value("object").key("properties").begin_object();
    for (const std::string_view name : {"jwt_token", "accepts"}) {
      out.key(name).begin_object().key("type").value("string").end_object();
    }
    out.end_object().end_object().end_object().end_object().end_object().end_object();

    out.key("operations").begin_object();
    const auto operation = [&](std::string_view action, const std::vector<std::string>& messages) {
      out.key(action).begin_object().key("action").value(action);
      write_reference(out.key("channel"), "#/channels/core");
      out.key("messages").begin_array();
      for (const auto& name : messages) write_reference(out, "#/channels/core/messages/" + name);
      out.end_array().end_object();
    };
    std::vector<std::string> sent;
    for (const auto& event : events_) sent.push_back(event.type);
    operation("receive", {"subscribe", "unsubscribe"});
    operation("send", sent);
    out.end_object();

    out.key("components").begin_object().key("messages").begin_object();
    write_frame(out.key("subscribe"), pages_, "page");
    write_frame(out.key("unsubscribe"), pages_, "remove_page");
    for (const auto& event : events_) {
      out.key(event.type).begin_object();
      json::write_json_schema(out.key("payload"), event.schema);
      out.end_object();
    }
    out.end_object().end_object();
    out.key("x-sluice-pages").begin_object();
    for (const auto& page : pages_) json::write(out.key(page.name), page.hears);
    out.end_object().key("x-sluice-schema").value(hash).end_object();
    return std::string(out.take_text().view());
  };
  return write(hash_of(write(""))) + "\n";
}

std::vector<std::string> WireDescription::differences(const PageRegistry& registry) const {
  std::vector<std::string> found;
  for (const auto& page : pages_) {
    const auto type = registry.find(page.name);
    if (!type) {
      found.push_back(fmt::format("{}: described, and not in the registry", page.name));
    } else if (typescript_of(type->parameters()) != typescript_of(page.parameters)) {
      found.push_back(fmt::format("{}: described with the parameters {}, registered with {}", page.name,
                                  typescript_of(page.parameters), typescript_of(type->parameters())));
    }
  }
  for (const auto& name : registry.types()) {
    if (std::ranges::find(pages_, name, &PageEntry::name) == pages_.end()) {
      found.push_back(fmt::format("{}: in the registry, and not described", name));
    }
  }
  return found;
}

int write_description(const WireDescription& wire, int argc, const char* const* argv) {
  std::string typescript, asyncapi, name = "Wire";
  for (int at = 1; at < argc; at += 2) {
    const std::string_view option = argv[at];
    std::string* into = option == "--typescript" ? &typescript
                        : option == "--asyncapi" ? &asyncapi
                        : option == "--name"     ? &name
                                                 : nullptr;
    if (!into || at + 1 == argc) {
      fmt::print(stderr, "usage: {} [--typescript FILE] [--asyncapi FILE] [--name NAME]\n", argv[0]);
      return 2;
    }
    *into = argv[at + 1];
  }
  const auto written = [](const std::string& path, const std::string& text) {
    if (path.empty()) return true;
    std::ofstream file(path, std::ios::binary);
    file << text;
    file.close();
    if (!file) fmt::print(stderr, "{}: it can't be written\n", path);
    return !file.fail();
  };
  return written(typescript, wire.typescript(name)) && written(asyncapi, wire.asyncapi()) ? 0 : 1;
}

}  // namespace sluice::SLUICE_ABI
