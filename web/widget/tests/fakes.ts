/** A server of the web channel for the client's tests: one conversation, sockets and HTTP that can be cut. */

import { HttpApi } from "../src/client/http";
import type { SocketLike } from "../src/client/live_socket";
import type { ConversationEvent, OutgoingMessage } from "../src/client/protocol";

interface Frame {
  t: string;
  [name: string]: unknown;
}

export class FakeServer {
  events: ConversationEvent[] = [];
  sockets: FakeSocket[] = [];
  isUp = true;
  socketsPass = true;
  /** Do not tell the sender of the next so many messages that they were stored. */
  dropAcks = 0;
  /** Refuse the next message with this frame's code. */
  refuseNext: { code: string; status: number; retry_after?: number } | null = null;
  sessions: Record<string, unknown>[] = [];
  refuseSession: { status: number; code: string; which?: string } | null = null;
  posts = 0;
  attempts = 0;
  private readonly stored = new Map<string, number>();

  readonly api = new HttpApi("http://server", (input, init) => this.fetch(input as string, init));

  connect = (): SocketLike => {
    const socket = new FakeSocket(this);
    this.sockets.push(socket);
    return socket;
  };

  get texts(): string[] {
    return this.events.flatMap((event) => (event.type === "message" && event.data.author.kind === "customer" ? [event.data.text] : []));
  }

  say(text: string): void {
    this.append({ message_id: `b${this.events.length}`, author: { kind: "bot" }, kind: "text", text });
  }

  cut(): void {
    this.isUp = false;
    for (const socket of this.sockets) socket.drop(1006);
  }

  mend(): void {
    this.isUp = true;
  }

  store(message: OutgoingMessage): { seq: number; duplicate: boolean } {
    const before = this.stored.get(message.client_msg_id);
    if (before !== undefined) return { seq: before, duplicate: true };
    const seq = this.append({
      message_id: `c${this.events.length}`,
      author: { kind: "customer" },
      kind: "text",
      text: message.text,
      client_msg_id: message.client_msg_id,
    });
    this.stored.set(message.client_msg_id, seq);
    return { seq, duplicate: false };
  }

  private append(data: Extract<ConversationEvent, { type: "message" }>["data"]): number {
    const event: ConversationEvent = { seq: this.events.length + 1, type: "message", at: "2026-01-01T00:00:00Z", data };
    this.events.push(event);
    for (const socket of this.sockets) if (socket.isLive) socket.tell({ t: "ev", ev: event });
    return event.seq;
  }

  private async fetch(url: string, init: RequestInit | undefined): Promise<Response> {
    this.attempts += 1;
    if (!this.isUp) throw new TypeError("network");
    const { pathname, searchParams } = new URL(url);
    const body = typeof init?.body === "string" ? (JSON.parse(init.body) as Record<string, unknown>) : {};
    if (pathname.endsWith("/session")) {
      this.sessions.push(body);
      if (this.refuseSession) {
        const { status, code, which } = this.refuseSession;
        return Response.json({ code, detail: code, details: { which } }, { status });
      }
      return Response.json({ visitor_token: "visitor", access_token: "access", expires_in_s: 900, conversation: "c", seq: this.events.length, user: null });
    }
    if (pathname.endsWith("/messages")) {
      this.posts += 1;
      if (this.refuseNext) {
        const { code, status, retry_after } = this.refuseNext;
        this.refuseNext = null;
        return Response.json({ code, detail: code }, { status, headers: retry_after === undefined ? {} : { "Retry-After": String(retry_after) } });
      }
      return Response.json({ msg_id: "m", conversation: "c", ...this.store(body as unknown as OutgoingMessage) }, { status: 201 });
    }
    const after = Number(searchParams.get("after"));
    if (Number(searchParams.get("wait")) > 0) await new Promise((resolve) => setTimeout(resolve, 50));
    const events = this.events.filter((event) => event.seq > after);
    return Response.json({ events, seq: this.events.length, more: false, conversation: "c" });
  }
}

export class FakeSocket implements SocketLike {
  readyState = 0;
  isLive = false;
  onopen: SocketLike["onopen"] = null;
  onmessage: SocketLike["onmessage"] = null;
  onclose: SocketLike["onclose"] = null;
  onerror: SocketLike["onerror"] = null;
  heard: Frame[] = [];

  constructor(private readonly server: FakeServer) {
    queueMicrotask(() => {
      if (!server.isUp || !server.socketsPass) {
        this.drop(1006);
        return;
      }
      this.readyState = 1;
      this.onopen?.(new Event("open"));
    });
  }

  send(data: string): void {
    const frame = JSON.parse(data) as Frame;
    this.heard.push(frame);
    queueMicrotask(() => this.answer(frame));
  }

  close(): void {
    this.drop(1000);
  }

  drop(code: number): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.isLive = false;
    this.onclose?.({ code } as CloseEvent);
  }

  tell(frame: Record<string, unknown>): void {
    this.onmessage?.({ data: JSON.stringify(frame) } as MessageEvent);
  }

  private answer(frame: Frame): void {
    if (this.readyState !== 1) return;
    if (frame.t === "auth" && !this.isLive) {
      for (const event of this.server.events) if (event.seq > Number(frame["after"])) this.tell({ t: "ev", ev: event });
      this.isLive = true;
      this.tell({ t: "snapshot", seq: this.server.events.length, more: false });
    } else if (frame.t === "auth") this.tell({ t: "authed" });
    else if (frame.t === "ping") this.tell({ t: "pong" });
    else if (frame.t === "msg") this.take(frame as unknown as OutgoingMessage);
  }

  private take(message: OutgoingMessage): void {
    const refusal = this.server.refuseNext;
    if (refusal) {
      this.server.refuseNext = null;
      this.tell({ t: "error", code: refusal.code, detail: refusal.code, retry_after: refusal.retry_after, client_msg_id: message.client_msg_id });
      return;
    }
    if (this.server.dropAcks > 0) {
      this.server.dropAcks -= 1;
      this.isLive = false; // neither the answer nor the event gets through
      this.server.store(message);
      this.drop(1006);
      return;
    }
    const { seq, duplicate } = this.server.store(message);
    this.tell({ t: "ack", client_msg_id: message.client_msg_id, msg_id: "m", seq, conversation: "c", duplicate });
  }
}
