// SPDX-License-Identifier: MIT
#include "sluice/testing/scripted_stream.hpp"

#include <chrono>
#include <string>

#include "sluice/testing/manual_executor.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::testing;
using namespace std::chrono_literals;

namespace {

// Records a stream's callbacks.
struct Teller final : StreamEvents {
  void on_open() override { note("open"); }
  void on_bytes(std::string_view bytes) override { note(bytes); }
  void on_closed(const Error& error) override { note(error.context()); }
  void note(std::string_view what) { told += (told.empty() ? "" : "; ") + std::string(what); }
  std::string told;
};

// A server that echoes everything with a mark.
struct Room {
  Room()
      : dialer([this](const std::shared_ptr<ScriptedPeer>& dialled) {
          peer = dialled;
          peer->on_bytes = [this](std::string_view bytes) {
            heard += std::string(bytes) + "|";
            peer->send("<" + std::string(bytes) + ">");
          };
          peer->on_gone = [this] { gone = true; };
        }) {}
  std::unique_ptr<ByteStream> dial() { return dialer.dial({.host = "there", .port = 1}, executor, teller); }

  ManualExecutor executor;
  Teller teller;
  std::shared_ptr<ScriptedPeer> peer;
  std::string heard;
  bool gone = false;
  ScriptedDialer dialer;
};

}  // namespace

TEST_CASE("written bytes and replies arrive as jobs", "[testing]") {
  Room room;
  auto stream = room.dial();
  stream->write("a");
  stream->write("b");
  CHECK(room.teller.told == "");
  CHECK(stream->unwritten() == 2);
  room.executor.run_all();
  CHECK(room.heard == "a|b|");
  CHECK(room.teller.told == "open; <a>; <b>");
  CHECK(stream->unwritten() == 0);
  CHECK(room.dialer.operations() == 5);
  stream.reset();
  room.executor.run_all();
  CHECK(room.gone);
  CHECK(room.teller.told == "open; <a>; <b>");
}

TEST_CASE("each operation can be the one that breaks", "[testing]") {
  const std::string told[] = {"", "open", "open", "open; <a>"};
  for (std::size_t operation = 1; operation <= 3; ++operation) {
    Room room;
    room.dialer.fail_at(operation);
    auto stream = room.dial();
    stream->write("a");
    room.executor.run_all();
    INFO(operation << ": " << room.teller.told);
    CHECK(room.teller.told.find("broken by the test") != std::string::npos);
    CHECK(room.teller.told.starts_with(told[operation - 1]));
    CHECK(room.gone);
    stream->write("after the end it does nothing");
    room.executor.run_all();
  }
}

TEST_CASE("a stream that pauses brings nothing, not even its end, and takes what is written", "[testing]") {
  Room room;
  auto stream = room.dial();
  room.executor.run_all();
  stream->pause_reading();
  stream->write("a");
  stream->write("b");
  room.executor.run_all();
  CHECK(room.heard == "a|b|");
  room.dialer.break_all("pulled out");
  room.executor.advance(1h);
  CHECK(room.teller.told == "open");
  stream->resume_reading();
  room.executor.run_all();
  CHECK(room.teller.told.starts_with("open; <a>; <b>; there:1: pulled out"));
}

TEST_CASE("bytes may come in pieces, late, not at all, or not from the start", "[testing]") {
  Room room;
  auto stream = room.dial();
  room.executor.run_all();
  room.dialer.split(1);
  stream->write("ab");
  room.executor.run_all();
  CHECK(room.heard == "a|b|");
  CHECK(room.teller.told == "open; <; a; >; <; b; >");
  room.dialer.split(0);
  room.dialer.delay(1s);
  stream->write("c");
  room.executor.advance(900ms);
  CHECK(room.heard == "a|b|");
  room.executor.advance(2s);
  CHECK(room.heard == "a|b|c|");
  room.dialer.delay(0s);
  room.dialer.hold();
  stream->write("d");
  room.executor.advance(1h);
  CHECK(room.heard == "a|b|c|");
  room.dialer.release();
  room.executor.run_all();
  CHECK(room.heard == "a|b|c|d|");

  room.dialer.break_all("pulled out");
  room.executor.run_all();
  CHECK(room.teller.told.find("pulled out") != std::string::npos);
  room.dialer.refuse(true);
  room.teller.told.clear();
  auto refused = room.dial();
  room.executor.run_all();
  CHECK(room.teller.told.find("refused") != std::string::npos);
  CHECK(room.dialer.dials() == 2);
}
