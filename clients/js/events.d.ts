// SPDX-License-Identifier: MIT
import type {Realtime, WireShape} from "./index.js";

/**
 * The events of one type, for `for await`. It listens from the call on and ends with its signal or dispose(). It keeps
 * up to 1,000 events for a slow loop; where one was lost, the loop throws.
 */
export function events<Wire extends WireShape, T extends Extract<keyof Wire["events"], string>>(
  realtime: Realtime<Wire>, type: T, options?: {signal?: AbortSignal}): AsyncGenerator<Wire["events"][T], void>;
