// SPDX-License-Identifier: MIT
// A rival on Node's ws: a set of sockets and a loop over it. usage: node node_ws.js PORT
const http = require('http');
const { WebSocketServer } = require('ws');

const subscribers = new Set();
const server = http.createServer();
const sockets = new WebSocketServer({ server, perMessageDeflate: false });

sockets.on('connection', (socket, request) => {
  if (request.url.startsWith('/echo')) {
    socket.on('message', (data, binary) => socket.send(data, { binary }));
  } else if (request.url.startsWith('/pub')) {
    socket.on('message', (data, binary) => {
      for (const subscriber of subscribers) subscriber.send(data, { binary });
    });
  } else {
    subscribers.add(socket);
    socket.on('close', () => subscribers.delete(socket));
  }
});
server.listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 4096 });
