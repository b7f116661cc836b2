// SPDX-License-Identifier: MIT
// A rival on Boost.Beast in its usual way: a set of sessions, each with a queue of shared strings and one write at a
// time
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <cstdlib>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_set>
#include <vector>

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using asio::ip::tcp;
using beast::error_code;
using Text = std::shared_ptr<const std::string>;

class Session;

class Room {
 public:
  void join(Session* session) {
    const std::lock_guard lock(mutex_);
    members_.insert(session);
  }
  void leave(Session* session) {
    const std::lock_guard lock(mutex_);
    members_.erase(session);
  }
  void publish(std::string text);

 private:
  std::mutex mutex_;
  std::unordered_set<Session*> members_;
};

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, Room& room) : stream_(std::move(socket)), room_(room) {}
  ~Session() {
    if (subscriber_) room_.leave(this);
  }

  void run() {
    beast::get_lowest_layer(stream_).socket().set_option(tcp::no_delay(true));
    http::async_read(stream_.next_layer(), buffer_, request_,
                     [self = shared_from_this()](error_code error, std::size_t) {
                       if (!error && websocket::is_upgrade(self->request_)) self->accept();
                     });
  }
  void send(Text text) {
    asio::post(stream_.get_executor(),
               [self = shared_from_this(), text = std::move(text)]() mutable { self->enqueue(std::move(text)); });
  }

 private:
  void accept() {
    subscriber_ = request_.target().starts_with("/sub");
    echo_ = request_.target().starts_with("/echo");
    beast::get_lowest_layer(stream_).expires_never();
    stream_.set_option(websocket::stream_base::timeout::suggested(beast::role_type::server));
    stream_.text(true);
    if (subscriber_) room_.join(this);
    stream_.async_accept(request_, [self = shared_from_this()](error_code error) {
      self->request_ = {};
      if (!error) self->read();
    });
  }
  void read() {
    stream_.async_read(buffer_, [self = shared_from_this()](error_code error, std::size_t) {
      if (error) return;
      std::string text = beast::buffers_to_string(self->buffer_.data());
      self->buffer_.consume(self->buffer_.size());
      if (self->echo_) {
        self->enqueue(std::make_shared<const std::string>(std::move(text)));
      } else {
        self->room_.publish(std::move(text));
      }
      self->read();
    });
  }
  void enqueue(Text text) {
    waiting_.push_back(std::move(text));
    if (waiting_.size() == 1) write();
  }
  void write() {
    stream_.async_write(asio::buffer(*waiting_.front()), [self = shared_from_this()](error_code error, std::size_t) {
      if (error) return;
      self->waiting_.pop_front();
      if (!self->waiting_.empty()) self->write();
    });
  }

  websocket::stream<beast::tcp_stream> stream_;
  Room& room_;
  beast::flat_buffer buffer_;
  http::request<http::string_body> request_;
  std::deque<Text> waiting_;
  bool subscriber_ = false;
  bool echo_ = false;
};

void Room::publish(std::string text) {
  const auto shared = std::make_shared<const std::string>(std::move(text));
  std::vector<std::weak_ptr<Session>> members;
  {
    const std::lock_guard lock(mutex_);
    for (Session* member : members_) members.push_back(member->weak_from_this());
  }
  for (const auto& member : members) {
    if (const auto alive = member.lock()) alive->send(shared);
  }
}

void accept_next(asio::io_context& context, tcp::acceptor& acceptor, Room& room) {
  acceptor.async_accept(asio::make_strand(context), [&](error_code error, tcp::socket socket) {
    if (!error) std::make_shared<Session>(std::move(socket), room)->run();
    accept_next(context, acceptor, room);
  });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  Room room;
  asio::io_context context(1);
  tcp::acceptor acceptor(context);
  acceptor.open(tcp::v4());
  acceptor.set_option(asio::socket_base::reuse_address(true));
  acceptor.bind({asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(std::atoi(argv[1]))});
  acceptor.listen(4096);
  accept_next(context, acceptor, room);
  context.run();
}
