// SPDX-License-Identifier: MIT
// TLS: messages within it, and its failures. For certificates see tls_context_test.cpp.
#include <openssl/ssl.h>

#include <future>
#include <string>
#include <vector>

#include "net/socket/tls_settings.hpp"
#include "net/support/faults.hpp"
#include "net/support/served.hpp"
#include "net/support/tls_client.hpp"
#include "sluice/core/log.hpp"
#include "support/catch.hpp"
#include "support/log_capture.hpp"

using namespace sluice;
using namespace sluice::test;
using namespace std::chrono_literals;
using ws::Opcode;

namespace {

const Authority& authority() {
  static const Authority made;
  return made;
}

TlsContext localhost() {
  const auto issued = authority().issue("localhost");
  return TlsContext::from_pem(issued.certificate, issued.key).value();
}

class TlsServed : public Served {
 public:
  explicit TlsServed(AsioServerOptions options = {}, std::size_t threads = 1) : TlsServed(options, {}, threads) {}
  TlsServed(AsioServerOptions options, ConsumerLimits limits, std::size_t threads = 1)
      : Served(options, limits, threads), tls_port(listen(localhost())) {}

  TlsClient connect(TlsClient::Options options = {}) const { return TlsClient(tls_port, options); }
  TlsClient enter(const std::string& path = "/", TlsClient::Options options = {}) const {
    TlsClient client(tls_port, options);
    const std::string answer = client.upgrade(path);
    if (!answer.starts_with("HTTP/1.1 101 ")) throw std::runtime_error(client.failure() + answer);
    return client;
  }

  std::uint16_t tls_port;
};

std::string sample(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + (i * 7 + i / 251) % 26);
  return text;
}

bool same(std::string_view a, std::string_view b) { return a == b; }

// So many records that ask for new keys (RFC 8446 section 4.6.3).
std::string key_requests(TlsClient& client, int count) {
  std::string records;
  for (int i = 0; i < count; ++i) {
    SSL_key_update(client.session(), SSL_KEY_UPDATE_REQUESTED);
    SSL_do_handshake(client.session());
    records += client.seal({});
  }
  return records;
}

// What the server has said at the end of its last handshake: each has its own.
std::string finished(const SSL* session) {
  std::string verified(64, '\0');
  verified.resize(SSL_get_peer_finished(session, verified.data(), verified.size()));
  return verified;
}

class Scheme : public HttpHandler {
 public:
  Task<HttpResponse> handle(const HttpRequest& request) override {
    return HttpResponse(200, std::string(request.scope().scheme()));
  }
};

}  // namespace

TEST_CASE("a WebSocket behaves the same with TLS 1.2, TLS 1.3 and without", "[net]") {
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  const bool bytewise = GENERATE(false, true);
  CAPTURE(version, bytewise);
  TlsServed served;
  TlsClient::Options options;
  options.authority = authority().certificate();
  options.host = "localhost";
  options.protocols = "\x02h2\x08http/1.1";
  options.version = version;
  options.bytewise = bytewise;
  auto client = served.enter("/here", options);
  CHECK(SSL_version(client.session()) == version);
  served.gateway.with("/here", [](Door& door) { CHECK(door.scope.scheme() == "wss"); });
  client.say("hello");
  CHECK(client.hear() == "text hello");
  client.send(client_frame(Opcode::text, "hel", false) + client_frame(Opcode::ping, "?") +
              client_frame(Opcode::continuation, "lo"));
  CHECK(client.hear() == "pong ?");
  CHECK(client.hear() == "text hello");
  client.send(client_close(1000, "bye"));
  CHECK(client.hear() == "close 1000 bye");
  CHECK(client.hear() == end_of_stream);
  CHECK(client.server_closed());
  CHECK(served.gateway.heard.has("closed 1000 bye"));
  CHECK(served.comes_to([](const ServerStats& stats) { return stats.connections == 0 && stats.tls_failed == 0; }));
}

TEST_CASE("one server serves plain connections at one port and TLS at another", "[net]") {
  Scheme scheme;
  AsioServerOptions options;
  options.http = &scheme;
  TlsServed served(options);
  const std::string request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  BlockingClient plain(served.port);
  auto secret = served.connect();
  plain.send(request);
  secret.send(request + request);
  CHECK(plain.read_until("http").ends_with("\r\n\r\nhttp"));
  CHECK(secret.read_until("\r\n\r\nhttps").ends_with("https"));
  CHECK(secret.read_until("\r\n\r\nhttps").ends_with("https"));
}

TEST_CASE("a message of any size around a record's is whole", "[net]") {
  AsioServerOptions options;
  options.limits.message_bytes = 4 << 20;
  TlsServed served(options);
  auto client = served.enter();
  std::vector<std::size_t> sizes = {0, 1, 2, 125, 126, 127, 65535, 65536, 1 << 20, (3 << 20) + 1};
  for (std::size_t border : {16384u, 32768u, 65536u}) {
    for (std::size_t size = border - 30; size < border + 6; ++size) sizes.push_back(size);
  }
  for (const std::size_t size : sizes) {
    CAPTURE(size);
    const std::string text = sample(size);
    client.say(text);
    CHECK(same(client.hear(), "text " + text));
  }
}

TEST_CASE("the messages of a turn share records, whatever their sizes", "[net]") {
  TlsServed served({}, {.queued_bytes = 64 << 20});
  auto client = served.enter();
  std::vector<std::size_t> sizes;
  for (std::size_t i = 0; i < 2'000; ++i) sizes.push_back(i % 97 == 0 ? 15'000 + i : i % 130);
  const auto before = served.server.stats();
  served.gateway.with("/", [&](Door& door) {
    for (const std::size_t size : sizes) {
      door.say(sample(size));
      door.connection->send(door.frames().encode(MessageKind::binary, std::string(5'000, 'b')));
    }
  });
  bool all = true;
  for (const std::size_t size : sizes) {
    all =
        all && same(client.hear(), "text " + sample(size)) && same(client.hear(), "binary " + std::string(5'000, 'b'));
  }
  CHECK(all);
  CHECK(served.comes_to([](const ServerStats& stats) { return stats.sends == 4'000; }));
  const auto after = served.server.stats();
  CHECK(after.writes - before.writes < (after.bytes_out - before.bytes_out) / 12'000);
}

TEST_CASE("messages in one record, or in many records of one segment, are all delivered", "[net]") {
  TlsServed served;
  auto client = served.enter();
  std::string together, apart;
  std::vector<std::string> expected;
  for (int i = 0; i < 300; ++i) {
    const std::string text = std::to_string(i) + sample(i % 60);
    together += client_text(text);
    expected.push_back("text " + text);
  }
  client.send(together);
  for (const std::string& line : expected) REQUIRE(client.hear() == line);
  for (int i = 0; i < 300; ++i) apart += client.seal(client_text(std::to_string(i) + sample(i % 60)));
  client.send_raw(apart);
  for (const std::string& line : expected) REQUIRE(client.hear() == line);
}

TEST_CASE("messages that TLS buffers while reading is paused are delivered afterwards", "[net]") {
  TlsServed served;
  served.gateway.when_said = [](Door& door, Message) { door.connection->pause_reading(); };
  auto client = served.enter();
  constexpr int messages = 40;
  std::string records;
  for (int i = 0; i < messages; ++i) records += client.seal(client_text(sample(900) + std::to_string(i)));
  client.send_raw(records);
  for (int i = 0; i < messages; ++i) {
    CAPTURE(i);
    REQUIRE(served.comes_to([i](const ServerStats& stats) { return stats.messages_in == std::uint64_t(i) + 1; }));
    served.gateway.with("/", [](Door& door) { door.connection->resume_reading(); });
  }
}

TEST_CASE("the loss of a paused connection is noticed under TLS too", "[net]") {
  TlsServed served;
  served.gateway.when_said = [](Door& door, Message) { door.connection->pause_reading(); };
  const bool bytes_wait = GENERATE(false, true);
  CAPTURE(bytes_wait);
  auto client = served.enter();
  client.say("pause");
  CHECK(served.gateway.heard.has("said pause"));
  if (bytes_wait) client.say("unread");
  client.reset();
  CHECK(served.gateway.heard.has("closed 1006"));
}

TEST_CASE("a connection without a close frame is reported as lost, whatever TLS reports", "[net]") {
  TlsServed served;
  auto client = served.enter();
  SECTION("nothing but the end of TCP") { client.end_sending(); }
  SECTION("close_notify, and TCP stays") { client.close_notify(); }
  SECTION("close_notify right behind a message") {
    const std::string last = client.seal(client_text("last words"));
    SSL_shutdown(client.session());
    std::string notify(BIO_ctrl_pending(SSL_get_wbio(client.session())), '\0');
    BIO_read(SSL_get_wbio(client.session()), notify.data(), static_cast<int>(notify.size()));
    client.send_raw(last + notify);
    CHECK(served.gateway.heard.has("said last words"));
  }
  SECTION("half a record") {
    const std::string record = client.seal(client_text("never"));
    client.send_raw(record.substr(0, record.size() / 2));
    client.end_sending();
  }
  SECTION("a reset") { client.reset(); }
  CHECK(served.gateway.heard.has("closed 1006"));
  CHECK(served.comes_to(
      [](const ServerStats& stats) { return stats.vanished == 1 && stats.connections == 0 && stats.tls_failed == 0; }));
}

TEST_CASE("both sides send close_notify, even if the client sends its own at once", "[net]") {
  TlsServed served;
  for (int i = 0; i < 100; ++i) {
    auto client = served.enter();
    client.send(client_close(1000));
    client.close_notify();
    client.end_sending();
    CAPTURE(i);
    REQUIRE(client.hear() == "close 1000");
    REQUIRE(client.hear() == end_of_stream);
    REQUIRE(client.server_closed());
  }
  for (int i = 0; i < 20; ++i) {  // the client's end, before and behind a request
    auto client = served.connect();
    REQUIRE(client.shake_hands() == "");
    if (i % 2) client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    client.close_notify();
    client.end_sending();
    CHECK(client.read_to_end().ends_with(end_of_stream));
    CHECK(client.server_closed());
  }
}

TEST_CASE("a record that was changed on its way ends the connection with an alert", "[net]") {
  TlsServed served;
  auto client = served.enter();
  std::string record = client.seal(client_text("secret"));
  record.back() ^= 1;
  client.send_raw(client.seal(client_text("before")) + record);
  CHECK(served.gateway.heard.has("closed 1006"));
  CHECK(client.hear() == reset_by_peer);
  CHECK(client.failure().find("bad record mac") != std::string::npos);
  client.hang_up();
  CHECK(served.comes_to([](const ServerStats& stats) { return stats.tls_failed == 1 && stats.connections == 0; }));
}

TEST_CASE("plain HTTP to a TLS port gets 400", "[net]") {
  TlsServed served;
  const std::vector<std::string> requests = {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "POST / HTTP/1.1\r\nHost: x\r\n\r\n",
                                             BlockingClient::upgrade_request()};
  for (const std::string& request : requests) {
    BlockingClient client(served.tls_port);
    client.send_bytewise(request);
    client.end_sending();
    const std::string answer = client.read_to_end();
    CHECK(answer.starts_with("HTTP/1.1 400 "));
    CHECK(answer.find("https://") != std::string::npos);
    CHECK(answer.ends_with(end_of_stream));
  }
  CHECK(served.comes_to([](const ServerStats& stats) { return stats.tls_failed == 3 && stats.connections == 0; }));
  CHECK(served.server.stats().refused == std::vector<std::pair<int, std::uint64_t>>{{400, 3}});
  CHECK(served.gateway.heard.lines().empty());
}

TEST_CASE("failures of TLS are counted each and logged rarely", "[net]") {
  const LogCapture log;
  {
    TlsServed served;
    for (int i = 0; i < 20; ++i) {
      BlockingClient client(served.tls_port);
      client.send(std::string(50, static_cast<char>('!' + i)));
      client.end_sending();
      client.read_to_end();
    }
    CHECK(served.comes_to([](const ServerStats& stats) { return stats.tls_failed == 20; }));
    run_on(served.executors.at(0), [] {});
  }
  REQUIRE(log.size() == 1);
  CHECK(log.text().starts_with("tls: a connection failed: "));
}

TEST_CASE("bytes that are no TLS end the connection, wherever they begin", "[net]") {
  TlsServed served;
  std::string hello;
  {
    auto client = served.connect();
    SSL_do_handshake(client.session());
    hello.resize(BIO_ctrl_pending(SSL_get_wbio(client.session())));
    BIO_read(SSL_get_wbio(client.session()), hello.data(), static_cast<int>(hello.size()));
  }
  for (std::size_t at = 0; at < hello.size(); at += at < 60 ? 1 : 23) {
    BlockingClient client(served.tls_port);
    client.send_bytewise(hello.substr(0, at));
    client.send(std::string(hello.size() + 600, '\xff'));
    client.end_sending();
    CHECK(client.read_to_end().ends_with(">"));
  }
  CHECK(served.comes_to([](const ServerStats& stats) { return stats.connections == 0; }));
  CHECK(served.enter().hears_nothing_for(1));
}

TEST_CASE("a handshake that is never finished ends at the deadline", "[net]") {
  AsioServerOptions options;
  options.limits.handshake_time = 100ms;
  TlsServed served(options);
  auto client = served.connect();
  SECTION("nothing is said") {}
  SECTION("half a hello") { client.send_raw("\x16\x03\x01\x02"); }
  SECTION("TLS, and then nothing") {
    client.shake_hands();
    CHECK(client.read_to_end() == end_of_stream);
  }
  SECTION("TLS, and half a request") {
    client.send("GET / HT");
    CHECK(client.read_to_end().starts_with("HTTP/1.1 408 "));
    CHECK(client.server_closed());
    client.hang_up();
  }
  CHECK(served.comes_to([](const ServerStats& stats) { return stats.connections == 0; }));
}

TEST_CASE("TLS 1.0 and 1.1 are refused", "[net]") {
  TlsServed served;
  TlsClient::Options options;
  options.version = GENERATE(TLS1_VERSION, TLS1_1_VERSION);
  auto client = served.connect(options);
  CHECK(client.shake_hands().find("protocol version") != std::string::npos);
  CHECK(served.comes_to([](const ServerStats& stats) { return stats.tls_failed == 1; }));
}

TEST_CASE("a client that was downgraded to TLS 1.2 is refused", "[net]") {
  TlsServed served;
  TlsClient::Options options;
  options.version = TLS1_2_VERSION;
  auto client = served.connect(options);
  SSL_set_mode(client.session(), SSL_MODE_SEND_FALLBACK_SCSV);  // RFC 7507: it had tried more, and failed
  CHECK(client.shake_hands().find("inappropriate fallback") != std::string::npos);
  CHECK(served.comes_to([](const ServerStats& stats) { return stats.tls_failed == 1; }));
}

TEST_CASE("ciphers without forward secrecy or authentication are refused", "[net]") {
  const auto session = localhost().settings()->new_session();
  const STACK_OF(SSL_CIPHER)* const ciphers = SSL_get_ciphers(session.get());
  REQUIRE(sk_SSL_CIPHER_num(ciphers) > 3);
  for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); ++i) {
    const SSL_CIPHER* const cipher = sk_SSL_CIPHER_value(ciphers, i);
    INFO(SSL_CIPHER_get_name(cipher));
    const int exchange = SSL_CIPHER_get_kx_nid(cipher);
    CHECK((exchange == NID_kx_ecdhe || exchange == NID_kx_any));  // any: of TLS 1.3, which has no other
    CHECK(SSL_CIPHER_is_aead(cipher) == 1);
  }
  CHECK((SSL_get_options(session.get()) & SSL_OP_ALLOW_NO_DHE_KEX) == 0);
}

TEST_CASE("one of the ALPN protocols that a client offers must be http/1.1", "[net]") {
  TlsServed served;
  TlsClient::Options options;
  options.protocols = GENERATE("\x02h2", "\x08http/1.1", "\x02h2\x08http/1.1", "\x08http/1.0");
  options.version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  CAPTURE(options.protocols, options.version);
  auto client = served.connect(options);
  const std::string failure = client.shake_hands();
  if (options.protocols.find("http/1.1") == std::string::npos) {
    CHECK(failure.find("no application protocol") != std::string::npos);
  } else {
    CHECK(failure == "");
    const unsigned char* chosen = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(client.session(), &chosen, &size);
    CHECK(std::string_view(reinterpret_cast<const char*>(chosen), size) == "http/1.1");
  }
}

TEST_CASE("keys change while a conversation goes on", "[net]") {
  TlsServed served;
  TlsClient::Options options;
  options.version = TLS1_3_VERSION;
  auto client = served.enter("/", options);
  for (int i = 0; i < 40; ++i) {
    const bool both = i % 2 == 0;
    SSL_key_update(client.session(), both ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED);
    client.say("after key " + std::to_string(i));
    CHECK(client.hear() == "text after key " + std::to_string(i));
  }
}

TEST_CASE("a client that renegotiates keys without end does not delay the others", "[net]") {
  TlsServed served;
  TlsClient::Options options;
  options.version = TLS1_3_VERSION;
  auto restless = served.enter("/restless", options);
  auto other = served.enter("/other");
  std::promise<void> held, all_is_there;
  served.executors.at(0).post([&] {
    held.set_value();
    all_is_there.get_future().wait();
  });
  held.get_future().wait();
  restless.send_raw(key_requests(restless, 1'000));  // as much as a socket holds that nobody reads
  restless.say("at last");
  other.say("meanwhile");
  all_is_there.set_value();
  CHECK(restless.hear() == "text at last");
  CHECK(served.gateway.heard.lines() ==
        std::vector<std::string>{"open /restless", "open /other", "said meanwhile", "said at last"});
}

TEST_CASE("a client that requests new keys and reads nothing is disconnected", "[net]") {
  AsioServerOptions nobody_pings;
  nobody_pings.limits.ping_every = 0s;
  TlsServed served(nobody_pings);
  const auto little_room = Faults::none_but_little_room(served.executors.at(0));
  TlsClient::Options options;
  options.version = TLS1_3_VERSION;
  options.receive_buffer = 4096;
  auto greedy = served.enter("/greedy", options);
  greedy.send_raw(key_requests(greedy, 20'000));  // whose answers are far more than 128 KiB
  CHECK(served.gateway.heard.has("closed 1006"));
  CHECK(served.comes_to([](const ServerStats& stats) { return stats.connections == 0; }));
}

TEST_CASE("a TLS 1.2 client cannot renegotiate", "[net]") {
  TlsServed served;
  TlsClient::Options options;
  options.version = TLS1_2_VERSION;
  auto client = served.enter("/", options);
  const std::string handshake = finished(client.session());
  SSL_renegotiate(client.session());
  SSL_do_handshake(client.session());
  client.say("after all");
  const std::string heard = client.hear();
  CAPTURE(heard, client.failure());
  CHECK((heard == "text after all" || client.failure().find("renegotiation") != std::string::npos));
  CHECK(finished(client.session()) == handshake);
}

TEST_CASE("a session is resumed by its ticket", "[net]") {
  TlsServed served;
  TlsClient::Options options;
  options.version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  auto first = served.enter("/first", options);
  first.say("hello");
  CHECK(first.hear() == "text hello");
  const sluice::Owned<SSL_SESSION, SSL_SESSION_free> ticket(SSL_get1_session(first.session()));
  options.resumed = ticket.get();
  auto second = served.enter("/second", options);
  CHECK(SSL_session_reused(second.session()) == 1);
  second.say("again");
  CHECK(second.hear() == "text again");
}

TEST_CASE("a slow reader under TLS receives everything in order, beside fast readers", "[net]") {
  TlsServed served({}, {.queued_bytes = 64 << 20});
  TlsClient::Options small;
  small.receive_buffer = 4096;
  auto slow = served.enter("/slow", small);
  auto quick = served.enter("/quick");
  served.gateway.with("/slow", [](Door& door) {
    for (int i = 0; i < 12'000; ++i) door.say(std::to_string(i) + " " + std::string(900, 'x'));
  });
  quick.say("meanwhile");
  CHECK(quick.hear() == "text meanwhile");
  slow.send(client_frame(Opcode::ping, "overtakes"));
  bool in_order = true;
  int ponged = 0;
  for (int i = 0; i < 12'000; ++i) {
    std::string heard = slow.hear();
    if (heard == "pong overtakes") {
      ponged = i;
      heard = slow.hear();
    }
    in_order = in_order && heard == "text " + std::to_string(i) + " " + std::string(900, 'x');
  }
  CHECK(in_order);
  CHECK(ponged > 0);
}

TEST_CASE("a reader under TLS that is too slow is closed 1013, between whole messages", "[net]") {
  TlsServed served({}, {.queued_bytes = 300'000});
  TlsClient::Options small;
  small.receive_buffer = 4096;
  auto slow = served.enter("/", small);
  served.gateway.with("/", [](Door& door) {
    for (int i = 0; i < 20'000; ++i) door.say(std::string(1'000, 'x'));
  });
  CHECK(served.gateway.heard.has("closed 1013 too slow"));
  SECTION("it reads on and learns why") {
    const std::string message = "text " + std::string(1'000, 'x');
    std::string heard = slow.hear();
    while (heard == message) heard = slow.hear();
    CHECK(heard == "close 1013 too slow retry_after_ms=2000");
    CHECK(slow.hear() == end_of_stream);
    CHECK(slow.server_closed());
  }
  SECTION("it reads nothing and is cut off") {
    CHECK(served.comes_to([](const ServerStats& stats) { return stats.connections == 0; }));
  }
}

TEST_CASE("a stop sends close frames within TLS", "[net]") {
  TlsServed served;
  auto client = served.enter();
  auto silent = served.connect();
  CHECK(silent.shake_hands() == "");
  served.server.stop();
  CHECK(client.hear() == "close 1012");
  client.send(client_close(1001, ""));
  CHECK(client.hear() == end_of_stream);
  CHECK(client.server_closed());
  CHECK(silent.read_to_end() == end_of_stream);
  silent.hang_up();
  served.server.wait();
  CHECK(served.server.stats().closed_by_stop == 1);
}
