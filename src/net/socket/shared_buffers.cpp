// SPDX-License-Identifier: MIT
#include "net/socket/shared_buffers.hpp"

#include "net/socket/tls_session.hpp"

namespace sluice::SLUICE_ABI::net {
namespace {

constexpr std::size_t read_buffer_bytes = 64 * 1024;

}  // namespace

std::span<char> SharedBuffers::read_buffer() {
  if (!read_buffer_) read_buffer_ = std::make_unique_for_overwrite<char[]>(read_buffer_bytes);
  return {read_buffer_.get(), read_buffer_bytes};
}

std::span<char> SharedBuffers::record_buffer() {
  if (!record_buffer_) record_buffer_ = std::make_unique_for_overwrite<char[]>(TlsSession::record_bytes);
  return {record_buffer_.get(), TlsSession::record_bytes};
}

}  // namespace sluice::SLUICE_ABI::net
