/**
 * Sends what the customer wrote: from the durable queue, one message at a time and in order, each under an id of its
 * own until the server says that it has it.
 */

import type { HttpApi } from "./http";
import type { LiveSocket } from "./live_socket";
import { type Language, type OutgoingMessage, Problem, type Session } from "./protocol";
import type { MessageQueue, QueuedMessage } from "./queue";

const ACK_WITHIN_MS = 10_000;
const RETRY_AFTER_S = 5;

/** What the sender needs to know of the connection. */
export interface Link {
  liveSocket(): LiveSocket | null;
  isPolling(): boolean;
  openSession(): Promise<Session>;
  /** The access token was refused: get a new one before anything else. */
  forgetSession(): void;
}

export type Exclusively = (name: string, task: () => Promise<void>) => Promise<void>;

export class Sender {
  queued: QueuedMessage[] = [];
  /** Acknowledged, and not yet seen in the log. */
  acknowledged: QueuedMessage[] = [];
  /** When sending goes on after "too many messages", in ms since the epoch. */
  slowUntil: number | null = null;
  private scope: string;
  private isFlushing = false;
  private flushAgain = false;
  private answerTo: { id: string; settle: (outcome: Problem | null) => void } | null = null;

  constructor(
    private readonly widget: string,
    private readonly queue: MessageQueue,
    private readonly api: HttpApi,
    private readonly link: Link,
    private readonly onChange: () => void,
    private readonly exclusively: Exclusively = (_name, task) => task(),
  ) {
    this.scope = `${widget}:visitor`;
  }

  /** Begin anew as the visitor or as a user; what the visitor had not sent goes with them when they sign in. */
  async begin(isUser: boolean): Promise<void> {
    const visitors = `${this.widget}:visitor`;
    this.scope = isUser ? `${this.widget}:user` : visitors;
    this.queued = [];
    this.acknowledged = [];
    if (isUser) {
      for (const message of await this.queue.list(visitors)) await this.queue.update({ ...message, scope: this.scope });
    }
    await this.reload();
  }

  async add(text: string, language: Language, payload?: string): Promise<void> {
    await this.queue.add({
      client_msg_id: newId(),
      type: payload === undefined ? "text" : "choice",
      text,
      ...(payload === undefined ? {} : { payload }),
      language,
      at: new Date().toISOString(),
      scope: this.scope,
    });
    await this.reload();
    void this.flush();
  }

  /** Send a failed message again, under the same id. */
  async retry(clientMsgId: string): Promise<void> {
    const message = this.queued.find((one) => one.client_msg_id === clientMsgId);
    if (!message) return;
    await this.queue.update({ ...message, failed: undefined });
    await this.reload();
    void this.flush();
  }

  async discard(clientMsgId: string): Promise<void> {
    await this.queue.remove(clientMsgId);
    await this.reload();
  }

  /** Send what waits, oldest first; stops at the first message that the network does not take. */
  async flush(): Promise<void> {
    if (this.isFlushing) {
      this.flushAgain = true;
      return;
    }
    this.isFlushing = true;
    try {
      do {
        this.flushAgain = false;
        await this.exclusively(`yiti-send:${this.scope}`, () => this.sendAll());
      } while (this.shouldFlushAgain());
    } finally {
      this.isFlushing = false;
    }
  }

  private shouldFlushAgain(): boolean {
    return this.flushAgain;
  }

  hearAck(clientMsgId: string): void {
    if (this.answerTo?.id === clientMsgId) this.settle(null);
  }

  hearRefusal(clientMsgId: string, problem: Problem): void {
    if (this.answerTo?.id === clientMsgId) this.settle(problem);
  }

  connectionLost(): void {
    this.settle(new Problem(0, "connection_lost", "the connection was lost"));
  }

  /** The log holds these: they need no sending, whether or not their acknowledgement came. */
  delivered(ids: ReadonlySet<string>): void {
    this.acknowledged = this.acknowledged.filter((message) => !ids.has(message.client_msg_id));
    const arrived = this.queued.filter((message) => ids.has(message.client_msg_id));
    if (arrived.length === 0) return;
    this.queued = this.queued.filter((message) => !ids.has(message.client_msg_id));
    for (const message of arrived) {
      this.hearAck(message.client_msg_id);
      void this.queue.remove(message.client_msg_id);
    }
  }

  private async reload(): Promise<void> {
    const scope = this.scope;
    const queued = await this.queue.list(scope);
    if (scope !== this.scope) return;
    this.queued = queued;
    this.onChange();
  }

  private async sendAll(): Promise<void> {
    for (;;) {
      await this.reload();
      const message = this.queued.find((one) => one.failed === undefined);
      if (!message || (this.link.liveSocket() === null && !this.link.isPolling())) return;
      if (this.slowUntil !== null && Date.now() < this.slowUntil) return;
      try {
        await this.sendOne(message);
        this.acknowledged = [...this.acknowledged, message];
        await this.queue.remove(message.client_msg_id);
      } catch (error) {
        const problem = error instanceof Problem ? error : new Problem(0, "unreachable", String(error));
        if (!(await this.survive(message, problem))) return;
      }
    }
  }

  /** Decide what a failure means; true when the next message may be tried. */
  private async survive(message: QueuedMessage, problem: Problem): Promise<boolean> {
    if (problem.status === 409) {
      await this.queue.remove(message.client_msg_id); // the server has it, under an earlier identity
      return true;
    }
    if (problem.status === 429) {
      this.waitBeforeNext((problem.retryAfterS ?? RETRY_AFTER_S) * 1000);
      return false;
    }
    if (problem.isUnproven) {
      this.link.forgetSession();
      return false;
    }
    if (problem.isPassing) return false;
    await this.queue.update({ ...message, failed: problem.code });
    return true;
  }

  private waitBeforeNext(ms: number): void {
    this.slowUntil = Date.now() + ms;
    this.onChange();
    setTimeout(() => {
      this.slowUntil = null;
      this.onChange();
      void this.flush();
    }, ms);
  }

  private async sendOne(message: QueuedMessage): Promise<void> {
    const { client_msg_id, type, text, payload, language } = message;
    const outgoing: OutgoingMessage = { client_msg_id, type, text, payload, language };
    const socket = this.link.liveSocket();
    if (socket === null) {
      const session = await this.link.openSession();
      await this.api.sendMessage(session.access_token, outgoing);
      return;
    }
    const answer = new Promise<Problem | null>((resolve) => {
      const timer = setTimeout(() => {
        this.settle(new Problem(0, "no_ack", "no answer in time"));
        socket.close();
      }, ACK_WITHIN_MS);
      this.answerTo = {
        id: client_msg_id,
        settle: (outcome) => {
          clearTimeout(timer);
          resolve(outcome);
        },
      };
    });
    if (!socket.send({ t: "msg", ...outgoing })) this.connectionLost();
    const problem = await answer;
    if (problem) throw problem;
  }

  private settle(outcome: Problem | null): void {
    const waiting = this.answerTo;
    this.answerTo = null;
    waiting?.settle(outcome);
  }
}

/** A random id that also works where crypto.randomUUID does not: on plain http. */
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
