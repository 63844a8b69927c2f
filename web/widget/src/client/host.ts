/** The page that embeds the panel: orders from it, news to it; both ways only between the two origins agreed on. */

import type { ClientState } from "./chat_client";

export type HostOrder =
  | { do: "identify"; jwt: string | null }
  | { do: "sign_out" }
  | { do: "shown" }
  | { do: "hidden" }
  | { do: "language"; language: string };

export type HostNews =
  | { event: "ready" }
  | { event: "close" }
  | { event: "unread"; count: number }
  | { event: "active" }
  | { event: "user_token_wanted" };

const MARK = "yiti";

export class Host {
  private isShown = false;
  private seenSeq: number | null = null;
  private lastUnread = 0;
  private wasActive = false;
  private lastRefusal: string | null = null;

  private constructor(private readonly origin: string) {}

  /** The embedding page, or null when the panel is a page of its own. */
  static find(origin: string | null): Host | null {
    if (window.parent === window || origin === null) return null;
    return new Host(origin);
  }

  tell(news: HostNews): void {
    window.parent.postMessage({ [MARK]: 1, ...news }, this.origin);
  }

  listen(obey: (order: HostOrder) => void): void {
    window.addEventListener("message", (event: MessageEvent<unknown>) => {
      if (event.source !== window.parent || event.origin !== this.origin) return;
      const data = event.data;
      if (typeof data !== "object" || data === null || !(MARK in data) || !("do" in data)) return;
      obey(data as HostOrder);
    });
  }

  seen(state: ClientState): void {
    this.isShown = true;
    this.follow(state);
  }

  hidden(): void {
    this.isShown = false;
  }

  /** Tell the page how many messages the customer has not seen, and when the site must sign its user anew. */
  follow(state: ClientState): void {
    if (state.refusal !== this.lastRefusal) {
      this.lastRefusal = state.refusal;
      if (state.refusal === "user_token_expired") this.tell({ event: "user_token_wanted" });
    }
    if (!state.isLoaded) return;
    if (!this.wasActive && state.lines.length > 0) {
      this.wasActive = true;
      this.tell({ event: "active" });
    }
    if (this.isShown || this.seenSeq === null || this.seenSeq > state.thread.seq) this.seenSeq = state.thread.seq;
    const seen = this.seenSeq;
    const unread = state.thread.lines.filter((line) => line.seq > seen && line.message.author.kind !== "customer").length;
    if (unread === this.lastUnread) return;
    this.lastUnread = unread;
    this.tell({ event: "unread", count: unread });
  }
}
