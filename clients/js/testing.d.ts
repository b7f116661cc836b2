// SPDX-License-Identifier: MIT
import type {Environment} from "./index.js";

/** One socket of the client, seen from the server. */
export class FakeSocket {
  readonly url: string;
  readonly protocols?: string[];
  readonly readyState: number;
  /** What the client sent and take() did not return yet. */
  readonly sent: any[];
  /** How the client closed it; undefined: not at all, null: without a code. */
  readonly closedWith?: number | null;
  accept(): void;
  /** Any message; a text goes as it is. */
  say(message: any): void;
  /** Accepts if need be, and sends `authentication`. */
  authenticate(more?: object): void;
  /** Closes; 1006: the line broke. */
  end(code?: number, reason?: string): void;
  take(): any[];
}

/** The option `world` of Realtime: a clock moved by hand, and sockets whose server is the test. */
export class FakeWorld implements Environment {
  constructor(options?: {now?: number; random?: readonly number[]; href?: string});
  readonly sockets: FakeSocket[];
  /** The newest one. */
  readonly socket: FakeSocket;
  readonly timers: Map<number, {due: number}>;
  /** How many event listeners the client has. */
  readonly listening: number;
  document: any;
  location: {href: string};
  WebSocket: any;
  Date: {now(): number};
  Math: {random(): number};
  setTimeout: (call: () => void, wait: number) => any;
  clearTimeout: (timer: any) => void;
  addEventListener: (type: string, listener: (event: any) => void) => void;
  removeEventListener: (type: string, listener: (event: any) => void) => void;
  settle(): Promise<void>;
  advance(milliseconds: number): Promise<void>;
  /** The clock jumps and nothing runs, as when the machine sleeps. */
  sleep(milliseconds: number): void;
  /** online, focus, pageshow, pagehide, freeze, resume. */
  fire(type: string, more?: object): void;
  hide(hidden: boolean): void;
}
