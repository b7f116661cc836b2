// SPDX-License-Identifier: MIT
export {Realtime, Realtime as RealTimeHandler} from "./realtime.js";
