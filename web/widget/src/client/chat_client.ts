/**
 * The widget's protocol client: one conversation, whatever the network does.
 *
 * Events come by WebSocket, or by long poll where sockets do not pass; each is folded in once, by its number. Messages
 * leave through the sender's durable queue.
 */

import { Backoff } from "./backoff";
import type { HttpApi } from "./http";
import { LiveSocket, type SocketFactory } from "./live_socket";
import { type Author, type ConversationEvent, type Language, Problem, type ServerFrame, type Session } from "./protocol";
import type { MessageQueue } from "./queue";
import { type Exclusively, Sender } from "./sender";
import { EMPTY_THREAD, fold, type Line, linesOf, type Thread } from "./thread";

export type Connection = "connecting" | "live" | "polling" | "offline" | "refused";

export interface ClientState {
  connection: Connection;
  thread: Thread;
  lines: Line[];
  /** True once the history is here, so that an empty conversation can be told from one not loaded yet. */
  isLoaded: boolean;
  agentTyping: string | null;
  slowUntil: number | null;
  user: Session["user"];
  /** Why the server will not have us; `user_token_expired` asks the site for a new one. */
  refusal: string | null;
}

export interface TokenStore {
  getVisitorToken(): string | null;
  setVisitorToken(token: string | null): void;
}

export interface ClientOptions {
  widget: string;
  socketUrl: string;
  api: HttpApi;
  queue: MessageQueue;
  tokens: TokenStore;
  connectSocket: SocketFactory;
  random?: () => number;
  /** Runs a task while no other tab of this browser runs one of the same name. */
  exclusively?: Exclusively;
}

const POLL_WAIT_S = 25;
const POLL_BEFORE_SOCKET_MS = 60_000;
const SOCKET_FAILURES_BEFORE_POLL = 2;
const HISTORY = 500;
const RENEW_BEFORE_S = 30;
const AGENT_TYPING_MS = 6_000;
const TYPING_EVERY_MS = 3_000;
const FINAL = new Set(["identity_required", "unknown_widget", "origin_not_allowed", "user_token_expired", "bad_user_token"]);

export class ChatClient {
  private state: ClientState = {
    connection: "connecting",
    thread: EMPTY_THREAD,
    lines: [],
    isLoaded: false,
    agentTyping: null,
    slowUntil: null,
    user: null,
    refusal: null,
  };
  private readonly listeners = new Set<() => void>();
  private readonly backoff: Backoff;
  private readonly sender: Sender;
  private session: Session | null = null;
  private sessionEndsAt = 0;
  private opening: Promise<Session> | null = null;
  private userJwt: string | null = null;
  private socket: LiveSocket | null = null;
  private running: AbortController | null = null;
  private wake: (() => void) | null = null;
  private socketFailures = 0;
  private lastTypingAt = 0;
  private typingTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly options: ClientOptions) {
    this.backoff = new Backoff(options.random);
    const link = {
      liveSocket: () => (this.socket?.isLive === true ? this.socket : null),
      isPolling: () => this.state.connection === "polling",
      openSession: () => this.openSession(),
      forgetSession: () => {
        this.sessionEndsAt = 0;
      },
    };
    this.sender = new Sender(options.widget, options.queue, options.api, link, () => this.set({}), options.exclusively);
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  getState(): ClientState {
    return this.state;
  }

  /** Start as the visitor or as a user; started before, go on as that one. A new token of the same user only renews. */
  start(userJwt: string | null = null): void {
    const isRenewal = this.userJwt !== null && userJwt !== null && subjectOf(this.userJwt) === subjectOf(userJwt);
    this.userJwt = userJwt;
    this.stop();
    const running = new AbortController();
    this.running = running;
    this.session = null;
    this.opening = null;
    this.socketFailures = 0;
    this.set({ connection: "connecting", refusal: null, ...(isRenewal ? {} : { thread: EMPTY_THREAD, isLoaded: false, user: null }) });
    void this.sender.begin(userJwt !== null).then(() => this.keepConnected(running.signal));
  }

  stop(): void {
    this.running?.abort();
    this.running = null;
    this.socket?.close();
    this.socket = null;
    this.sender.connectionLost();
  }

  /** Forget this browser's identity and its unsent messages, and start as somebody new. */
  async signOut(): Promise<void> {
    this.stop();
    this.options.tokens.setVisitorToken(null);
    await this.options.queue.clear();
    this.start(null);
  }

  /** Try again now: the browser is online again, or the page is visible again. */
  retryNow(): void {
    this.backoff.reset();
    this.wake?.();
  }

  send(text: string, language: Language, payload?: string): Promise<void> {
    return this.sender.add(text, language, payload);
  }

  retry(clientMsgId: string): Promise<void> {
    return this.sender.retry(clientMsgId);
  }

  discard(clientMsgId: string): Promise<void> {
    return this.sender.discard(clientMsgId);
  }

  /** Tell the desk that the customer is writing; at most once in 3 s, and only by socket. */
  sayTyping(): void {
    const now = Date.now();
    if (now - this.lastTypingAt < TYPING_EVERY_MS || this.socket?.isLive !== true) return;
    this.lastTypingAt = now;
    this.socket.send({ t: "typing", on: true });
  }

  sayRead(): void {
    if (this.socket?.isLive === true) this.socket.send({ t: "read", seq: this.state.thread.seq });
  }

  private async keepConnected(signal: AbortSignal): Promise<void> {
    const isOver = () => signal.aborted; // read anew after each wait
    while (!isOver()) {
      let pauses = true;
      try {
        const session = await this.openSession();
        if (isOver()) return;
        if (this.socketFailures < SOCKET_FAILURES_BEFORE_POLL) await this.liveBySocket(session, signal);
        else {
          await this.liveByPolling(signal);
          pauses = false;
        }
      } catch (error) {
        if (isOver()) return;
        if (error instanceof Problem && FINAL.has(error.code)) {
          this.set({ connection: "refused", refusal: error.code });
          return;
        }
        if (error instanceof Problem && error.isUnproven) this.session = null;
        this.set({ connection: "offline" });
      }
      if (pauses && !isOver()) await this.pause(this.backoff.next(), signal);
    }
  }

  private openSession(): Promise<Session> {
    if (this.session && Date.now() < this.sessionEndsAt) return Promise.resolve(this.session);
    this.opening ??= this.askForSession().finally(() => {
      this.opening = null;
    });
    return this.opening;
  }

  private async askForSession(): Promise<Session> {
    const running = this.running;
    const visitorToken = this.options.tokens.getVisitorToken();
    try {
      const session = await this.options.api.openSession({
        widget: this.options.widget,
        ...(visitorToken === null ? {} : { visitor_token: visitorToken }),
        ...(this.userJwt === null ? {} : { user_jwt: this.userJwt }),
      });
      if (running !== this.running) throw new Problem(0, "overtaken", "another session was begun");
      this.adopt(session);
      return session;
    } catch (error) {
      if (!(error instanceof Problem) || !error.isUnproven || error.code === "identity_required") throw error;
      if (error.token === "user") {
        const code = error.code === "token_expired" ? "user_token_expired" : "bad_user_token";
        throw new Problem(error.status, code, error.message);
      }
      this.options.tokens.setVisitorToken(null); // too old, or of another installation: begin anew
      throw error;
    }
  }

  private adopt(session: Session): void {
    const before = this.session?.conversation ?? null;
    this.options.tokens.setVisitorToken(session.visitor_token);
    this.session = session;
    this.sessionEndsAt = Date.now() + (session.expires_in_s - RENEW_BEFORE_S) * 1000;
    let { thread } = this.state;
    if (before !== null && before !== session.conversation) thread = EMPTY_THREAD;
    if (thread.seq === 0 && session.seq > HISTORY) thread = { ...thread, seq: session.seq - HISTORY };
    this.set({ user: session.user, thread });
  }

  private liveBySocket(session: Session, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const stop = () => socket.close();
      const socket: LiveSocket = new LiveSocket(
        this.options.connectSocket(this.options.socketUrl),
        {
          onFrame: (frame) => this.hear(frame, socket),
          onClose: (code, wasLive) => {
            signal.removeEventListener("abort", stop);
            if (this.socket === socket) this.socket = null;
            this.sender.connectionLost();
            if (code === 4001) this.session = null;
            this.socketFailures = wasLive ? 0 : this.socketFailures + 1;
            if (!signal.aborted) this.set({ connection: "offline", agentTyping: null });
            resolve();
          },
        },
        session.access_token,
        this.state.thread.seq,
      );
      this.socket = socket;
      signal.addEventListener("abort", stop, { once: true });
    });
  }

  /** Read by long poll for a minute, then let a socket be tried again. */
  private async liveByPolling(signal: AbortSignal): Promise<void> {
    const until = Date.now() + POLL_BEFORE_SOCKET_MS;
    let waitS = 0;
    while (!signal.aborted && Date.now() < until) {
      const session = await this.openSession();
      const page = await this.options.api.readEvents(session.access_token, this.state.thread.seq, waitS, signal);
      this.takeEvents(page.events);
      this.backoff.reset();
      this.set({ connection: "polling", isLoaded: this.state.isLoaded || !page.more });
      void this.sender.flush();
      waitS = page.more ? 0 : POLL_WAIT_S;
    }
    this.socketFailures = SOCKET_FAILURES_BEFORE_POLL - 1;
  }

  private pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.wake = done;
      signal.addEventListener("abort", done, { once: true });
    });
  }

  private hear(frame: ServerFrame, socket: LiveSocket): void {
    switch (frame.t) {
      case "ev":
        this.takeEvents([frame.ev]);
        break;
      case "snapshot":
        if (frame.more) break;
        this.backoff.reset();
        this.set({ connection: "live", isLoaded: true });
        void this.sender.flush();
        break;
      case "ack":
        this.sender.hearAck(frame.client_msg_id);
        break;
      case "typing":
        this.showTyping(frame.author, frame.on);
        break;
      case "error":
        if (frame.code === "token_expired") void this.renew(socket);
        if (frame.client_msg_id !== undefined) {
          const problem = new Problem(statusOf(frame.code), frame.code, frame.detail, frame.retry_after ?? null);
          this.sender.hearRefusal(frame.client_msg_id, problem);
        }
        break;
      case "authed":
        void this.sender.flush();
        break;
      default:
        break;
    }
  }

  /** Get a new access token and prove ourselves again on the same socket. */
  private async renew(socket: LiveSocket): Promise<void> {
    this.sessionEndsAt = 0;
    try {
      const session = await this.openSession();
      socket.send({ t: "auth", access_token: session.access_token, after: this.state.thread.seq });
    } catch {
      socket.close();
    }
  }

  private takeEvents(events: ConversationEvent[]): void {
    let { thread } = this.state;
    for (const event of events) thread = fold(thread, event);
    if (thread === this.state.thread) return;
    const agentSpoke = events.some((event) => event.type === "message" && event.data.author.kind === "agent");
    this.sender.delivered(thread.delivered);
    this.set({ thread, ...(agentSpoke ? { agentTyping: null } : {}) });
  }

  private showTyping(author: Author, on: boolean): void {
    clearTimeout(this.typingTimer);
    this.set({ agentTyping: on ? (author.name ?? "") : null });
    if (on) this.typingTimer = setTimeout(() => this.set({ agentTyping: null }), AGENT_TYPING_MS);
  }

  private set(change: Partial<ClientState>): void {
    const next = { ...this.state, ...change, slowUntil: this.sender.slowUntil };
    const { acknowledged, queued } = this.sender;
    const sent = new Set(acknowledged.map((message) => message.client_msg_id));
    const waiting = [...acknowledged, ...queued.filter((message) => !sent.has(message.client_msg_id))];
    this.state = { ...next, lines: linesOf(next.thread, waiting, sent) };
    for (const listener of this.listeners) listener();
  }
}

function statusOf(code: string): number {
  if (code === "rate_limited") return 429;
  if (["token_expired", "bad_token", "unauthenticated", "identity_required"].includes(code)) return 401;
  if (code === "external_id_reused") return 409;
  return 400;
}

/** Whom a user token names; only to tell a renewal from another person, the server alone believes tokens. */
function subjectOf(jwt: string): string | null {
  try {
    const payload = (jwt.split(".")[1] ?? "").replace(/-/g, "+").replace(/_/g, "/");
    const bytes = Uint8Array.from(atob(payload), (char) => char.charCodeAt(0));
    const claims = JSON.parse(new TextDecoder().decode(bytes)) as { sub?: string };
    return claims.sub ?? null;
  } catch {
    return null;
  }
}
