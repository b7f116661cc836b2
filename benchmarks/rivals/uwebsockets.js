// SPDX-License-Identifier: MIT
// A rival on uWebSockets.js: its topics, published to from C++. usage: node uwebsockets.js PORT
const uws = require('uwebsockets');

const settings = { compression: uws.DISABLED, maxPayloadLength: 1 << 20, idleTimeout: 0, maxBackpressure: 64 << 20 };
const app = uws.App();
app.ws('/echo', { ...settings, message: (socket, data, binary) => socket.send(data, binary) });
app.ws('/pub', { ...settings, message: (socket, data, binary) => app.publish('all', data, binary) });
app.ws('/sub', { ...settings, open: (socket) => socket.subscribe('all') });
app.listen('127.0.0.1', Number(process.argv[2]), (listening) => {
  if (!listening) throw new Error(`cannot listen on port ${process.argv[2]}`);
});
