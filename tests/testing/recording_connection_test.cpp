// SPDX-License-Identifier: MIT
#include "sluice/testing/recording_connection.hpp"

#include "sluice/testing/manual_executor.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::testing;

namespace {

// The callbacks of the server's side of a connection, as one text.
class Listener : public ConnectionEvents {
 public:
  explicit Listener(std::string& heard) : heard_(heard) {}
  void on_message(Message message) override {
    heard_ += std::string(message.data()) + ";";
    if (message.data() == "pause" && connection) connection->pause_reading();
  }
  void on_drained() override { heard_ += "drained;"; }
  void on_closed(const CloseReason& reason) override { heard_ += "closed " + std::to_string(reason.code()); }
  void on_stop(const CloseReason& reason) override { heard_ += "stop " + std::to_string(reason.code()) + ";"; }

  Connection* connection = nullptr;

 private:
  std::string& heard_;
};

struct Line {
  ManualExecutor executor;
  std::string heard;
  std::shared_ptr<RecordingConnection> connection = std::make_shared<RecordingConnection>(executor);
  FrameBuffer frames;

  Line() {
    auto listener = std::make_shared<Listener>(heard);
    listener->connection = connection.get();
    connection->attach(listener);
  }
};

}  // namespace

TEST_CASE("a recording connection records its calls", "[testing]") {
  Line line;
  line.connection->accept(Acceptance("chat", {{"x-a", "1"}}));
  line.connection->send(line.frames.encode(MessageKind::text, "hello"));
  Frame both = line.frames.encode(MessageKind::binary, std::string_view("\0\xff", 2));
  REQUIRE(both.extend(line.frames.encode(MessageKind::text, "")));
  line.connection->send(both);
  line.connection->pause_reading();
  line.connection->pause_reading();
  line.connection->resume_reading();
  line.connection->close(CloseReason(4000, "bye"));
  CHECK(line.connection->take_transcript() ==
        "accept chat x-a=1\ntext: hello\nbinary: 00ff\ntext: \npause\nresume\nclose 4000 bye");
  CHECK(line.connection->sends() == 2);
  CHECK(line.heard == "");
  line.executor.run_all();
  CHECK(line.heard == "closed 4000");
}

TEST_CASE("a refused connection ends with 1006", "[testing][LC-21]") {
  Line line;
  line.connection->deny(Denial(403, "no"));
  line.connection->accept({});
  line.executor.run_all();
  CHECK(line.connection->transcript() == "deny 403 no");
  CHECK(line.heard == "closed 1006");
  CHECK(line.connection->released());
}

TEST_CASE("calls that break the contract stand in the transcript", "[testing]") {
  Line line;
  line.connection->send(line.frames.encode(MessageKind::text, "early"));
  line.connection->accept({});
  line.connection->accept({});
  ManualExecutor stranger;
  stranger.run([&] { line.connection->pause_reading(); });
  CHECK(line.connection->transcript() ==
        "BUG send out of order\naccept\nBUG accept out of order\nBUG pause_reading on another executor\npause");
  line.connection->vanish();
  line.executor.run_all();
}

TEST_CASE("messages of the peer arrive as jobs, in order, and not during a pause", "[testing]") {
  Line line;
  line.connection->accept({});
  for (const char* text : {"one", "pause", "two"}) line.connection->say(Message::text(text));
  line.connection->say_close(CloseReason(4001));
  CHECK(line.heard == "");
  line.executor.run_all();
  CHECK(line.heard == "one;pause;");
  CHECK(line.connection->undelivered() == 2);
  line.connection->resume_reading();
  line.executor.run_all();
  CHECK(line.heard == "one;pause;two;closed 4001");
  line.connection->say(Message::text("late"));
  line.executor.run_all();
  CHECK(line.heard == "one;pause;two;closed 4001");
}

TEST_CASE("the peer's close is delivered during a pause, and its loss before its messages", "[testing]") {
  Line closed;
  closed.connection->pause_reading();
  closed.connection->say_close(CloseReason(1005));
  closed.executor.run_all();
  CHECK(closed.heard == "closed 1005");

  Line lost;
  lost.connection->say(Message::text("lost"));
  lost.connection->vanish();
  lost.connection->vanish();
  lost.executor.run_all();
  CHECK(lost.heard == "closed 1006");
}

TEST_CASE("bytes for a stalled peer are queued, and above the limit it is disconnected", "[testing]") {
  Line line;
  line.connection->accept({});
  line.connection->send(line.frames.encode(MessageKind::text, "taken"));
  CHECK(line.connection->queued_bytes() == 0);
  line.connection->stall(10);
  line.connection->send(line.frames.encode(MessageKind::text, "12345678"));
  CHECK(line.connection->queued_bytes() == 10);
  line.connection->unstall();
  CHECK(line.connection->queued_bytes() == 0);
  line.connection->stall(9);
  line.connection->send(line.frames.encode(MessageKind::text, "12345678"));
  line.executor.run_all();
  CHECK(line.heard == "closed 1013");
}

TEST_CASE("a stop is delivered as a job to connections that are open", "[testing]") {
  Line line;
  line.connection->stop();
  line.executor.run_all();
  CHECK(line.heard == "");
  line.connection->accept(Acceptance());
  line.connection->stop({4001, "moved"});
  CHECK(line.heard == "");
  line.executor.run_all();
  CHECK(line.heard == "stop 4001;");
  line.connection->stop();
  line.connection->close(CloseReason(1012));
  line.executor.run_all();
  CHECK(line.heard == "stop 4001;closed 1012");
}

TEST_CASE("a connection notifies once that its queue is empty, when asked", "[testing]") {
  Line line;
  line.connection->accept({});
  line.connection->stall(1'000);
  line.connection->send(line.frames.encode(MessageKind::text, "12345678"));
  line.connection->tell_when_drained();
  line.executor.run_all();
  CHECK(line.heard == "");
  line.connection->unstall();
  CHECK(line.heard == "");  // it is told in a job
  line.executor.run_all();
  CHECK(line.heard == "drained;");
  line.connection->set_queued_bytes(1);
  line.connection->set_queued_bytes(0);
  line.executor.run_all();
  CHECK(line.heard == "drained;");
  line.connection->tell_when_drained();  // with nothing queued: soon
  line.executor.run_all();
  CHECK(line.heard == "drained;drained;");
  line.connection->tell_when_drained();
  line.connection->close({});
  line.executor.run_all();
  CHECK(line.heard == "drained;drained;closed 1000");
}
