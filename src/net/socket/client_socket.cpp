// SPDX-License-Identifier: MIT
#include "net/socket/client_socket.hpp"

#include <fmt/format.h>

#include <asio/buffer.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/ssl/host_name_verification.hpp>
#include <asio/write.hpp>
#include <exception>
#include <utility>

#include "core/failure.hpp"
#include "net/loop/insist.hpp"
#include "net/socket/name_finder.hpp"
#include "net/socket/system_calls.hpp"

namespace sluice::SLUICE_ABI::net {

ClientSocket::ClientSocket(const Endpoint& to, AsioExecutor& io, Executor& home, StreamEvents& events)
    : to_(to), io_(io), home_(home), events_(&events), socket_(io.for_asio()) {}

template <class F>
void ClientSocket::on_io(F work) {
  if (&home_ == &io_) return work(*this);
  io_.post([self = shared_from_this(), work = std::move(work)]() mutable { work(*self); });
}

template <class F>
void ClientSocket::on_home(F work) {
  if (&home_ == &io_) return work(*this);
  home_.post([self = shared_from_this(), work = std::move(work)]() mutable { work(*self); });
}

// As a job, even on the same executor: dial() makes no callback.
void ClientSocket::open() {
  io_.post([self = shared_from_this()] { self->find(); });
}

void ClientSocket::find() {
  if (closed_) return;
  if (!to_.socket_path.empty()) {
    try {
      addresses_.emplace_back(asio::local::stream_protocol::endpoint(to_.socket_path));
    } catch (const std::exception& error) {  // the path is too long
      return fail("connect", error.what());
    }
    return connect(0, {});
  }
  io_.local<NameFinder>().find(to_.host, to_.port, weak_from_this(), [this](NameFinder::Answer answer) {
    if (!answer.failure.empty()) return fail("resolve", answer.failure);
    for (const auto& endpoint : answer.endpoints) addresses_.emplace_back(endpoint);
    connect(0, {});
  });
}

void ClientSocket::connect(std::size_t address, const std::string& last_failure) {
  if (closed_) return;
  if (address >= addresses_.size()) return fail("connect", last_failure);
  asio::error_code failed;
  socket_.close(failed);
  failed.clear();
  open_for_us_alone(socket_, addresses_[address].protocol(), failed);
  if (failed) return connect(address + 1, failed.message());
  socket_.async_connect(addresses_[address], [self = shared_from_this(), address](const asio::error_code& error) {
    const AsioExecutor::Handling handling(self->io_);
    if (error) return self->connect(address + 1, error.message());
    if (self->to_.socket_path.empty()) {
      asio::error_code not_tcp;
      self->socket_.set_option(asio::ip::tcp::no_delay(true), not_tcp);
    }
    self->to_.tls ? self->secure() : self->opened();
  });
}

void ClientSocket::secure() {
  if (closed_) return;
  try {
    tls_context_.emplace(asio::ssl::context::tls_client);
    const TlsClientOptions& options = *to_.tls;
    if (options.ca_file.empty()) {
      tls_context_->set_default_verify_paths();
    } else {
      tls_context_->load_verify_file(options.ca_file);
    }
    if (!options.certificate_file.empty()) tls_context_->use_certificate_chain_file(options.certificate_file);
    if (!options.key_file.empty()) tls_context_->use_private_key_file(options.key_file, asio::ssl::context::pem);
    tls_.emplace(socket_, *tls_context_);
    tls_->set_verify_mode(options.verify ? asio::ssl::verify_peer : asio::ssl::verify_none);
    if (options.verify && options.verify_host) tls_->set_verify_callback(asio::ssl::host_name_verification(to_.host));
  } catch (const std::exception& error) {
    return fail("TLS", error.what());
  }
  SSL_set_tlsext_host_name(tls_->native_handle(), to_.host.c_str());
  tls_->async_handshake(asio::ssl::stream_base::client, [self = shared_from_this()](const asio::error_code& error) {
    const AsioExecutor::Handling handling(self->io_);
    if (error) return self->fail("TLS", error.message());
    self->opened();
  });
}

void ClientSocket::opened() {
  if (closed_) return;
  open_ = true;
  asio::error_code refused;
  socket_.non_blocking(true, refused);
  flush();
  on_home([](ClientSocket& self) {
    self.notify([](StreamEvents& events) { events.on_open(); });
    self.read_next();
  });
}

void ClientSocket::read_next() {
  read_waits_ = paused_;
  if (!paused_) on_io([](ClientSocket& same) { same.read(); });
}

void ClientSocket::resume_reading() {
  paused_ = false;
  if (read_waits_) read_next();
}

void ClientSocket::read() {
  if (closed_) return;
  auto done = [self = shared_from_this()](const asio::error_code& error, std::size_t bytes) {
    const AsioExecutor::Handling handling(self->io_);
    if (error) return self->fail("read", error.message());
    self->take(bytes);
  };
  if (tls_) {
    tls_->async_read_some(asio::buffer(buffer_), std::move(done));
  } else {
    socket_.async_read_some(asio::buffer(buffer_), std::move(done));
  }
}

// The next bytes are read after these were delivered, so that the buffer is free, and the peer waits for a slow
// receiver.
void ClientSocket::take(std::size_t bytes) {
  on_home([bytes](ClientSocket& self) {
    self.notify([&](StreamEvents& events) { events.on_bytes(std::string_view(self.buffer_.data(), bytes)); });
    self.read_next();
  });
}

void ClientSocket::write(std::string bytes) {
  unwritten_.fetch_add(bytes.size(), std::memory_order_relaxed);
  on_io([bytes = std::move(bytes)](ClientSocket& self) {
    self.queued_ += bytes;
    self.flush();
  });
}

// Bytes that the kernel takes now need no handler. The wait for the rest reports an error again.
void ClientSocket::write_at_once() {
  if (tls_ || !socket_.non_blocking()) return;
  asio::error_code error;
  const std::size_t bytes = socket_.write_some(asio::buffer(queued_), error);
  queued_.erase(0, bytes);
  unwritten_.fetch_sub(bytes, std::memory_order_relaxed);
}

void ClientSocket::flush() {
  if (!open_ || closed_ || !writing_.empty() || queued_.empty()) return;
  write_at_once();
  if (queued_.empty()) return;
  writing_.swap(queued_);
  auto done = [self = shared_from_this()](const asio::error_code& error, std::size_t bytes) {
    const AsioExecutor::Handling handling(self->io_);
    self->unwritten_.fetch_sub(bytes, std::memory_order_relaxed);
    self->writing_.clear();
    if (error) return self->fail("write", error.message());
    self->flush();
  };
  if (tls_) {
    asio::async_write(*tls_, asio::buffer(writing_), std::move(done));
  } else {
    asio::async_write(socket_, asio::buffer(writing_), std::move(done));
  }
}

// The events have thrown, mostly for lack of memory: only this stream ends.
template <class F>
void ClientSocket::notify(F call) noexcept {
  try {
    if (events_) call(*events_);
  } catch (...) {
    log_failure("a connection ends, as its bytes could not be handled", std::current_exception());
    insist([this] { on_io([](ClientSocket& self) { self.fail("read", "its bytes could not be handled"); }); });
  }
}

// The Error is made first: if that throws, nothing has changed. Then the events are called.
void ClientSocket::fail(std::string_view what, const std::string& why) {
  if (closed_) return;
  const auto error =
      std::make_shared<Error>(ErrorCode::io_failed, fmt::format("{}: {}: {}", to_.to_string(), what, why));
  close();
  insist([&] {
    on_home([error](ClientSocket& self) {
      if (StreamEvents* events = std::exchange(self.events_, nullptr)) events->on_closed(*error);
    });
  });
}

void ClientSocket::leave() {
  events_ = nullptr;
  on_io([](ClientSocket& self) { self.close(); });
}

void ClientSocket::close() {
  if (std::exchange(closed_, true)) return;
  asio::error_code ignored;
  // Otherwise, once a cut connection is restored, the kernel would deliver old bytes after those of the next stream.
  socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  socket_.close(ignored);
}

}  // namespace sluice::SLUICE_ABI::net
