/** One WebSocket's life: proves itself, tells what it hears, notices when the other side has gone silent. */

import type { ServerFrame } from "./protocol";

export const HEARTBEAT_MS = 25_000;
export const DEAD_AFTER_MS = 40_000;
export const OPEN_WITHIN_MS = 10_000;

export interface SocketHandlers {
  onFrame(frame: ServerFrame): void;
  /** Called once, when the socket is over; `wasLive` says that a snapshot had come. */
  onClose(code: number, wasLive: boolean): void;
}

export interface SocketLike {
  readyState: number;
  send(data: string): void;
  close(code?: number, reason?: string): void;
  onopen: ((event: Event) => void) | null;
  onmessage: ((event: MessageEvent) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
  onerror: ((event: Event) => void) | null;
}

export type SocketFactory = (url: string) => SocketLike;

const OPEN = 1;

export class LiveSocket {
  private wasLive = false;
  private isOver = false;
  private heardAt = Date.now();
  private readonly beat: ReturnType<typeof setInterval>;
  private readonly opening: ReturnType<typeof setTimeout>;

  constructor(
    private readonly socket: SocketLike,
    private readonly handlers: SocketHandlers,
    accessToken: string,
    after: number,
  ) {
    this.beat = setInterval(() => this.checkLife(), HEARTBEAT_MS / 5);
    this.opening = setTimeout(() => this.end(4000), OPEN_WITHIN_MS);
    let lastBeat = Date.now();
    socket.onopen = () => this.send({ t: "auth", access_token: accessToken, after });
    socket.onmessage = (event: MessageEvent) => this.hear(String(event.data));
    socket.onclose = (event: CloseEvent) => this.end(event.code);
    socket.onerror = () => this.end(1006);
    this.ping = () => {
      if (Date.now() - lastBeat < HEARTBEAT_MS) return;
      lastBeat = Date.now();
      this.send({ t: "ping" });
    };
  }

  private readonly ping: () => void;

  /** Send a frame; false when the socket is not open, and then nothing was sent. */
  send(frame: Record<string, unknown>): boolean {
    if (this.isOver || this.socket.readyState !== OPEN) return false;
    this.socket.send(JSON.stringify(frame));
    return true;
  }

  get isLive(): boolean {
    return this.wasLive && !this.isOver;
  }

  close(): void {
    this.end(1000);
  }

  private hear(data: string): void {
    if (this.isOver) return;
    this.heardAt = Date.now();
    let frame: ServerFrame;
    try {
      frame = JSON.parse(data) as ServerFrame;
    } catch {
      this.end(4000);
      return;
    }
    if (frame.t === "snapshot") {
      this.wasLive = true;
      clearTimeout(this.opening);
    }
    this.handlers.onFrame(frame);
  }

  private checkLife(): void {
    if (Date.now() - this.heardAt > DEAD_AFTER_MS) this.end(4000);
    else this.ping();
  }

  private end(code: number): void {
    if (this.isOver) return;
    this.isOver = true;
    clearInterval(this.beat);
    clearTimeout(this.opening);
    this.socket.onopen = this.socket.onmessage = this.socket.onclose = this.socket.onerror = null;
    try {
      this.socket.close(1000);
    } catch {
      // Closed already, or never opened.
    }
    this.handlers.onClose(code, this.wasLive);
  }
}
