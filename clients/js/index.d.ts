// SPDX-License-Identifier: MIT
// Times are milliseconds.

/** A message from the server; its other keys are the application's. */
export interface Message {
  type: string;
  [key: string]: any;
}

/**
 * What goes over the wire: events by their type, page parameters by the page's name. `wire.d.ts`, generated from C++
 * by sluice_describe(), holds one. Without it everything is `any`.
 */
export interface AnyWire {
  events: {[type: string]: any};
  pages: {[page: string]: any};
}

/**
 * Where an application names its wire once, for all that does not name another:
 *
 *     declare module "sluice-client" { interface Register { wire: TableWire } }
 */
export interface Register {}
export interface WireShape {
  events: object;
  pages: object;
}
export type DefaultWire = Register extends {wire: infer W extends WireShape} ? W : AnyWire;

export type Name<T> = Extract<keyof T, string>;

export type StopReason =
  | "token_rejected" // no token, or the server rejected it twice: connect() begins anew
  | "signed_out" // force_disconnect
  | "closed"; // with a code that a retry would not help

export interface Status {
  /** suspended: the page is frozen, in the back/forward cache, or was hidden for too long. */
  readonly name: "idle" | "connecting" | "live" | "waiting" | "suspended" | "stopped";
  /** Why it stopped. */
  readonly why: StopReason | null;
  /** When it tries again, while it waits: as Date.now() tells time. */
  readonly until: number | null;
}

/**
 * What a close code asks for. "later": a retry with longer waits, which the server's own delay does not shorten;
 * "token": a retry with a new token, at once.
 */
export type Verdict = "retry" | "later" | "token" | "stop";

export type PageState =
  | "idle" // no connection
  | "asking"
  | "loading"
  | "live"
  | "stale" // the connection was lost, or `load` failed
  | "refused"
  | "discarded" // the right to it was lost
  | "removed"; // by unsubscribe() or dispose()

/** first; reconnect: after a lost connection; missed: the server told of a gap; overflow: too many events meanwhile. */
export type LoadReason = "first" | "reconnect" | "missed" | "overflow" | "reload";

export interface SubscribeOptions {
  /**
   * Fetches the page's contents. It runs when the server confirmed the page, and again after every gap; events wait
   * meanwhile, up to 1,000. `signal` is aborted when the answer is not wanted any more.
   */
  load?(how: {signal: AbortSignal; why: LoadReason; snapshot?: unknown}): unknown;
  /** The types of the events that wait for `load`; without it, all. */
  holds?: readonly string[];
  onState?(state: PageState, error: Error | null): void;
  /** Unsubscribes. */
  signal?: AbortSignal;
}

/** One subscription. Equal ones are one page to the server, which is left with the last of them. */
export interface Page {
  readonly page: string;
  readonly parameters: any;
  readonly state: PageState;
  /** Why it was refused, or what `load` threw. */
  readonly error: Error | null;
  /**
   * Resolves when the page is confirmed and loaded, however many connections it takes. Rejects when it is refused
   * (the error's message says why: refused, no_answer, ...), left, or when `load` throws.
   */
  ready(): Promise<void>;
  /** Runs `load` again. */
  reload(): void;
  /** Gives the subscription back. The server is told a second after the last one, unless a new one comes. */
  unsubscribe(): void;
}

export interface Limits {
  /** The longest wait before a retry, and the one of a hidden page. */
  cap: number;
  hiddenCap: number;
  /** How many events wait for a `load`, and their length. */
  heldEvents: number;
  heldBytes: number;
  /** Closes the socket of a page that was hidden for so long; 0: never. */
  pauseHiddenAfter: number;
}

/** How a subscription was confirmed. */
export interface Answered {
  /** All that was missed comes over the wire, so nothing is to be loaded. */
  recovered?: boolean;
  /** Handed to `load`. */
  snapshot?: unknown;
  /** Delays `load`. */
  wait?: number;
}

/** A seam between pages and wire, for protocols that recover what was missed. */
export interface Positions {
  /** The frames that ask for these pages, on a new connection all of them. */
  ask(pages: readonly {page: string; parameters: any}[]): object[];
  /** Every message with a type, before anybody else. */
  heard?(message: Message): void;
  answered?(page: {page: string; parameters: any}, pageAdd: Message): Answered;
}

export type Token = string | null | undefined;

export interface Options {
  /** May be relative to the page's address; http is read as ws. */
  url: string;
  /**
   * Or a function that returns it, asked at each attempt, with the token that was rejected, if one was. null stops the
   * connection until connect(); what it throws is retried. Without the option none is sent.
   */
  token?: Token | ((how: {rejected: string | null; signal: AbortSignal}) => Token | Promise<Token>);
  /** Without a token it connects as a guest. */
  anonymous?: boolean;
  /** The first argument of what registerEvent() registers. */
  context?: any;
  /** The class of the socket: in Node before 22, that of the package `ws`. */
  WebSocket?: any;
  /** What the client understands beyond the old protocol; [] asks for nothing. */
  accepts?: readonly string[];
  /** Subprotocols that carry the token, which then is not in the address. */
  protocols?(token: string): string[] | undefined;
  /** What handlers, `load` and `token` throw; console.error without it. */
  onError?(error: unknown): void;
  /** Overrules what a close code means. */
  classify?(code: number, reason: string): Verdict | undefined;
  limits?: Partial<Limits>;
  positions?: Partial<Positions>;
  /** In the place of globalThis, for tests. */
  world?: Environment;
}

/** What the client uses of globalThis. */
export interface Environment {
  WebSocket?: any;
  document?: any;
  location?: {href: string};
  addEventListener?(type: string, listener: (event: any) => void): void;
  removeEventListener?(type: string, listener: (event: any) => void): void;
  setTimeout(call: () => void, wait: number): any;
  clearTimeout(timer: any): void;
  Date: {now(): number};
  Math: {random(): number};
}

export interface Signal {
  /** Takes the handler off. */
  signal?: AbortSignal;
}

/** One connection and its pages. Its methods are bound. */
export class Realtime<Wire extends WireShape = DefaultWire> {
  /** Opens nothing and listens to nothing. */
  constructor(options: Options);

  /** Does nothing while it connects or is connected, and where there is no WebSocket class (server rendering). */
  connect(reconnect?: boolean, anonymous?: boolean): void;
  /** At once; pages stay on the list. */
  disconnect(): void;
  /** Disconnects and forgets pages and handlers. */
  dispose(): void;
  /** For adapters: the first one connects, a second after the last release it disconnects. */
  retain(): () => void;

  readonly status: Status;
  readonly connected: boolean;
  /** Waits since the last connection that stood for 5 seconds. */
  readonly attempts: number;
  readonly pages: {page: string; parameters: any}[];
  /** This connection's name; null unless live. */
  readonly webSocketId: string | null;
  /** For requests that change something, so that the server does not tell this connection of it. */
  readonly headers: {WebSocketId?: string};

  subscribe<P extends Name<Wire["pages"]>>(page: P, parameters: Wire["pages"][P], options?: SubscribeOptions): Page;
  /** Without effect: for routes that have no page. */
  subscribe(page: null): Page;
  /** Gives one subscription back; without effect where there is none. */
  unsubscribe<P extends Name<Wire["pages"]>>(page: P | null, parameters?: Wire["pages"][P]): void;

  /** Baserow's signature: the context first. */
  registerEvent<T extends Name<Wire["events"]>>(type: T, handler: (context: any, data: Wire["events"][T]) => void): () => void;
  /** Handlers run in the order of their registration. Returns the undo. */
  on<T extends Name<Wire["events"]>>(type: T, handler: (event: Wire["events"][T]) => void, options?: Signal): () => void;
  off<T extends Name<Wire["events"]>>(type: T, handler: (event: Wire["events"][T]) => void): void;
  once<T extends Name<Wire["events"]>>(type: T, handler: (event: Wire["events"][T]) => void, options?: Signal): () => void;
  /** Every message; undefined and the text of one that is no JSON. */
  onMessage(handler: (message: any, text: string) => void, options?: Signal): () => void;
  onStatus(handler: (status: Status) => void, options?: Signal): () => void;
}

export {Realtime as RealTimeHandler};
