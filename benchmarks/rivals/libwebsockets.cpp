// SPDX-License-Identifier: MIT
// A rival on libwebsockets in its usual way: a queue per connection, one lws_write() per writable callback
#include <libwebsockets.h>

#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

// A message with the room in front that lws_write() wants for its header.
using Text = std::shared_ptr<std::vector<unsigned char>>;

Text text_of(const std::string& message) {
  const auto text = std::make_shared<std::vector<unsigned char>>(LWS_PRE + message.size());
  std::memcpy(text->data() + LWS_PRE, message.data(), message.size());
  return text;
}

struct Client {
  lws* socket = nullptr;
  bool subscriber = false;
  bool echo = false;
  std::size_t place = 0;  // among the subscribers
  std::string unread;
  std::deque<Text> waiting;
};

std::vector<Client*> subscribers;

void send(Client* client, const Text& text) {
  client->waiting.push_back(text);
  lws_callback_on_writable(client->socket);
}

void established(Client* client, lws* socket) {
  char path[16] = {};
  lws_hdr_copy(socket, path, sizeof path, WSI_TOKEN_GET_URI);
  client->socket = socket;
  client->echo = std::string_view(path).starts_with("/echo");
  client->subscriber = std::string_view(path).starts_with("/sub");
  if (!client->subscriber) return;
  client->place = subscribers.size();
  subscribers.push_back(client);
}

void received(Client* client, const char* bytes, std::size_t size) {
  client->unread.append(bytes, size);
  if (lws_remaining_packet_payload(client->socket) > 0 || !lws_is_final_fragment(client->socket)) return;
  const Text text = text_of(client->unread);
  client->unread.clear();
  if (client->echo) return send(client, text);
  for (Client* subscriber : subscribers) send(subscriber, text);
}

bool writable(Client* client) {
  if (client->waiting.empty()) return true;
  const Text text = std::move(client->waiting.front());
  client->waiting.pop_front();
  const std::size_t size = text->size() - LWS_PRE;
  // It writes its header in front, over the one of the subscriber before: the same bytes.
  if (lws_write(client->socket, text->data() + LWS_PRE, size, LWS_WRITE_TEXT) < static_cast<int>(size)) return false;
  if (!client->waiting.empty()) lws_callback_on_writable(client->socket);
  return true;
}

void closed(Client* client) {
  if (client->subscriber) {
    subscribers[client->place] = subscribers.back();
    subscribers[client->place]->place = client->place;
    subscribers.pop_back();
  }
}

// libwebsockets keeps memory per connection and knows nothing of constructors: it holds a pointer.
int on_event(lws* socket, lws_callback_reasons reason, void* memory, void* in, std::size_t size) {
  auto** client = static_cast<Client**>(memory);
  switch (reason) {
    case LWS_CALLBACK_ESTABLISHED:
      *client = new Client;
      established(*client, socket);
      return 0;
    case LWS_CALLBACK_RECEIVE: received(*client, static_cast<const char*>(in), size); return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE: return writable(*client) ? 0 : -1;
    case LWS_CALLBACK_CLOSED:
      closed(*client);
      delete *client;
      return 0;
    default: return 0;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  lws_set_log_level(LLL_ERR, nullptr);
  const lws_protocols protocols[] = {{"bench", on_event, sizeof(Client*), 0, 0, nullptr, 0},
                                     {nullptr, nullptr, 0, 0, 0, nullptr, 0}};
  lws_context_creation_info info{};
  info.port = std::atoi(argv[1]);
  info.iface = "127.0.0.1";
  info.protocols = protocols;
  lws_context* const context = lws_create_context(&info);
  if (!context) return 1;
  while (lws_service(context, 0) >= 0) {}
  lws_context_destroy(context);
}
