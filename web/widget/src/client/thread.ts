/** The conversation as the page shows it: the event log folded into lines, and what is not in it yet. */

import type { Author, ConversationEvent, MessageData } from "./protocol";
import type { QueuedMessage } from "./queue";

export type LineState = "sending" | "sent" | "failed";

export interface Line {
  key: string;
  /** The event's number; 0 for what is not in the log yet. */
  seq: number;
  at: string;
  message: MessageData;
  state: LineState;
  failure?: string;
}

export type MessageLine = Line;
export type OwnerKind = "bot" | "queue" | "agent" | "closed";

export interface Thread {
  /** The highest number folded in; whatever is not above it is a repetition. */
  seq: number;
  lines: readonly Line[];
  owner: OwnerKind;
  agentName: string | null;
  position: number | null;
  /** Our ids of messages the log already holds. */
  delivered: ReadonlySet<string>;
}

export const EMPTY_THREAD: Thread = { seq: 0, lines: [], owner: "bot", agentName: null, position: null, delivered: new Set() };

/** Fold one event in; an event that was folded before changes nothing. */
export function fold(thread: Thread, event: ConversationEvent): Thread {
  if (event.seq <= thread.seq) return thread;
  const next: Thread = { ...thread, seq: event.seq };
  switch (event.type) {
    case "message":
      return foldMessage(next, event.seq, event.at, event.data);
    case "status":
      return foldStatus(next, event.data);
    case "owner_changed":
      return foldOwner(next, event.data.to);
    case "handoff_opened":
    case "queue_position":
      return { ...next, position: event.data.position ?? next.position };
    case "agent_joined":
      return { ...next, owner: "agent", agentName: event.data.agent.name ?? null, position: null };
    case "closed":
      return { ...next, owner: "closed", agentName: null, position: null };
    default:
      return next; // a kind of event newer than this page
  }
}

function foldMessage(thread: Thread, seq: number, at: string, data: MessageData): Thread {
  const line: Line = { key: `m${data.message_id}`, seq, at, message: data, state: toState(data.state) };
  const clientId = data.author.kind === "customer" ? data.client_msg_id : undefined;
  const delivered = clientId === undefined ? thread.delivered : new Set([...thread.delivered, clientId]);
  return { ...thread, lines: [...thread.lines, line], delivered };
}

function foldStatus(thread: Thread, data: { message_id: string; state: string }): Thread {
  const key = `m${data.message_id}`;
  if (data.state === "dropped_late") return { ...thread, lines: thread.lines.filter((line) => line.key !== key) };
  const lines = thread.lines.map((line) => (line.key === key ? { ...line, state: toState(data.state) } : line));
  return { ...thread, lines };
}

function foldOwner(thread: Thread, to: string): Thread {
  const owner: OwnerKind = to === "queue" || to === "agent" || to === "closed" ? to : "bot";
  return {
    ...thread,
    owner,
    position: owner === "queue" ? thread.position : null,
    agentName: owner === "agent" ? thread.agentName : null,
  };
}

function toState(state: string | undefined): LineState {
  return state === "failed" ? "failed" : "sent";
}

/** The lines to show: the log's, then what waits in the queue and is not in the log; `sent` are those acknowledged. */
export function linesOf(thread: Thread, queued: readonly QueuedMessage[], sent: ReadonlySet<string>): Line[] {
  const waiting = queued
    .filter((message) => !thread.delivered.has(message.client_msg_id))
    .map((message): Line => {
      const author: Author = { kind: "customer" };
      const data: MessageData = { message_id: message.client_msg_id, author, kind: "text", text: message.text };
      const state = sent.has(message.client_msg_id) ? "sent" : message.failed === undefined ? "sending" : "failed";
      return { key: `q${message.client_msg_id}`, seq: 0, at: message.at, message: data, state, failure: message.failed };
    });
  return [...thread.lines, ...waiting];
}
