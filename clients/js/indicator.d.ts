// SPDX-License-Identifier: MIT
import type {Realtime} from "./index.js";

export interface RealtimeStatusElement extends HTMLElement {
  realtime: Realtime<any>;
  /** Replaces words, by the name of the status or why it stopped; `waiting` may be a function of the seconds left. */
  words: {[name: string]: string | ((seconds: number) => string)};
}

/** Defines <realtime-status>, once, and returns its class. */
export function defineRealtimeStatus(name?: string): CustomElementConstructor;
