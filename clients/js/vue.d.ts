// SPDX-License-Identifier: MIT
import type {App, MaybeRefOrGetter, ShallowRef} from "vue";
import type {DefaultWire, Name, Options, PageState, Realtime, Status, SubscribeOptions} from "./index.js";

/** app.use(realtimePlugin, options): `this.$realtime` in every component, and useRealtime(). */
export const realtimePlugin: {install(app: App, options: Options | {realtime: Realtime<any>}): void};

export function useRealtime(): Realtime;
/** Calls the handler while the component is shown. */
export function useEvent<T extends Name<DefaultWire["events"]>>(type: T, handler: (event: DefaultWire["events"][T]) => void): void;
export function useStatus(): Readonly<ShallowRef<Status>>;
/** Subscribes while the component is mounted and active, and anew when page or parameters change; null: to nothing. */
export function useSubscription<P extends Name<DefaultWire["pages"]>>(
  page: MaybeRefOrGetter<P | null>, parameters: MaybeRefOrGetter<DefaultWire["pages"][P]>, options?: SubscribeOptions):
  {readonly state: Readonly<ShallowRef<PageState>>; readonly error: Readonly<ShallowRef<Error | null>>; reload(): void};

declare module "vue" {
  interface ComponentCustomProperties {
    $realtime: Realtime;
  }
}
