// SPDX-License-Identifier: MIT
// A rival on Bun, whose server is uWebSockets: its topics, published to from C++. usage: bun bun.js PORT
const server = Bun.serve({
  port: Number(process.argv[2]),
  hostname: '127.0.0.1',
  fetch(request, server) {
    const { pathname } = new URL(request.url);
    return server.upgrade(request, { data: pathname }) ? undefined : new Response(null, { status: 404 });
  },
  websocket: {
    perMessageDeflate: false,
    maxPayloadLength: 1 << 20,
    idleTimeout: 0,
    backpressureLimit: 64 << 20,
    open(socket) {
      if (socket.data === '/sub') socket.subscribe('all');
    },
    message(socket, data) {
      socket.data === '/echo' ? socket.send(data) : server.publish('all', data);
    },
  },
});
