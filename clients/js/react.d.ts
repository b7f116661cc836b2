// SPDX-License-Identifier: MIT
import type {ReactElement, ReactNode} from "react";
import type {DefaultWire, Name, Options, PageState, Realtime, Status, SubscribeOptions} from "./index.js";

/** Connects while it is mounted. Of its options only `token` is read anew at each render. */
export function RealtimeProvider(properties: ({realtime: Realtime<any>} | Options) & {children?: ReactNode}): ReactElement;

export function useRealtime(): Realtime;
/** Calls the newest handler, which need not be memoized. */
export function useEvent<T extends Name<DefaultWire["events"]>>(type: T, handler: (event: DefaultWire["events"][T]) => void): void;
export function useStatus(): Status;
/** Subscribes while the component is mounted; parameters are compared by value; null: to nothing. */
export function useSubscription<P extends Name<DefaultWire["pages"]>>(
  page: P | null, parameters?: DefaultWire["pages"][P], options?: SubscribeOptions):
  {readonly state: PageState; readonly error: Error | null; reload(): void};
