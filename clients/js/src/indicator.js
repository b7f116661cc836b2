// SPDX-License-Identifier: MIT
// <realtime-status>: a dot and a word for the connection's status. Its attribute `state` is the status's name, so a page
// may style it; --realtime-live, --realtime-wait and --realtime-off are the colours of the dot.
const style = `:host{display:inline-flex;align-items:center;gap:.5em;font-size:.87em;white-space:nowrap}
:host([state=idle]){display:none}
:host::before{content:"";flex:none;width:.6em;height:.6em;border-radius:50%;background:var(--realtime-wait,#c4820e)}
:host([state=live])::before{background:var(--realtime-live,#1f8a5f)}
:host([state=stopped])::before{background:var(--realtime-off,#b3261e)}`;

/** @type {Record<string, string | ((seconds: number) => string)>} */
const words = {
  connecting: "connecting…",
  live: "live",
  waiting: (seconds) => (seconds > 0 ? `reconnecting in ${seconds} s` : "reconnecting…"),
  suspended: "paused",
  token_rejected: "not signed in",
  signed_out: "signed out",
  closed: "disconnected",
};

/**
 * Defines the element, once, and returns its class. Its property `realtime` is the client, `words` replaces some words.
 * @param {string} [name]
 */
export const defineRealtimeStatus = (name = "realtime-status") => {
  const defined = customElements.get(name);
  if (defined) return defined;
  class RealtimeStatus extends HTMLElement {
    constructor() {
      super();
      const sheet = document.createElement("style");
      sheet.textContent = style;
      this.text = new Text();
      this.attachShadow({mode: "open"}).append(sheet, this.text);
    }

    /** @param {any} realtime */
    set realtime(realtime) {
      this.client = realtime;
      if (this.isConnected) this.connectedCallback();
    }

    connectedCallback() {
      this.undo?.();
      this.undo = this.client?.onStatus(() => this.show());
      this.show();
    }

    disconnectedCallback() {
      clearTimeout(this.timer);
      this.undo?.();
    }

    show() {
      clearTimeout(this.timer);
      const {name, why, until} = this.client?.status ?? {name: "idle"};
      const seconds = Math.ceil((until - Date.now()) / 1000);
      const word = {...words, .../** @type {any} */ (this).words}[why ?? name] ?? "";
      this.setAttribute("role", "status");
      this.setAttribute("state", name);
      this.text.data = typeof word === "function" ? word(seconds) : word;
      // Screen readers would read each second aloud.
      this.setAttribute("aria-live", until ? "off" : "polite");
      if (until && seconds > 0) this.timer = setTimeout(() => this.show(), ((until - Date.now()) % 1000) + 10);
    }
  }
  customElements.define(name, RealtimeStatus);
  return RealtimeStatus;
};
