// SPDX-License-Identifier: MIT
// A client on a fake world.
import {Realtime} from "../../../clients/js/src/index.js";
import {FakeWorld} from "../../../clients/js/src/testing.js";

export function start(options = {}, worldOptions = {}) {
  const world = new FakeWorld(worldOptions);
  const errors = [];
  const realtime = new Realtime({url: "/ws/core/", token: "t", world, onError: (error) => errors.push(error), ...options});
  return {world, realtime, errors};
}

export async function live(options, heartbeat = 20) {
  const started = start(options);
  started.realtime.connect();
  await started.world.settle();
  started.world.socket.authenticate({heartbeat});
  return started;
}

export const added = (page, parameters) => ({type: "page_add", page, parameters});
