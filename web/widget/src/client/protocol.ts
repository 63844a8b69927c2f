/** The web channel's wire forms: conversation events, socket frames, HTTP answers. */

export type Language = "zh" | "en";
export type AuthorKind = "customer" | "bot" | "agent" | "system";

export interface Author {
  kind: AuthorKind;
  name?: string;
}

export interface Choice {
  title: string;
  payload: string;
}

export interface Source {
  article_id?: string;
  title: string;
  section?: string;
  url?: string;
  version?: string | number;
}

export interface MessageData {
  message_id: string;
  author: Author;
  kind: "text" | "choices" | "card" | "answer";
  text: string;
  choices?: Choice[];
  source?: Source;
  quote?: string;
  card?: { title?: string; text?: string; url?: string; fields?: { name: string; value: string }[] };
  client_msg_id?: string;
  state?: string;
}

interface EventOf<T extends string, D> {
  seq: number;
  type: T;
  at: string;
  data: D;
}

export type ConversationEvent =
  | EventOf<"message", MessageData>
  | EventOf<"status", { message_id: string; state: string }>
  | EventOf<"owner_changed", { from: string; to: string }>
  | EventOf<"handoff_opened", { position?: number }>
  | EventOf<"handoff_ended", Record<string, unknown>>
  | EventOf<"agent_joined", { agent: { name?: string } }>
  | EventOf<"queue_position", { position?: number }>
  | EventOf<"closed", Record<string, unknown>>;

export interface OutgoingMessage {
  client_msg_id: string;
  type: "text" | "choice";
  text: string;
  payload?: string;
  language?: Language;
}

export interface Ack {
  msg_id: string;
  seq: number;
  conversation: string;
  duplicate: boolean;
}

export type ServerFrame =
  | ({ t: "ack"; client_msg_id: string } & Ack)
  | { t: "ev"; ev: ConversationEvent }
  | { t: "snapshot"; seq: number; more: boolean }
  | { t: "typing"; author: Author; on: boolean }
  | { t: "error"; code: string; detail: string; client_msg_id?: string; retry_after?: number }
  | { t: "pong" }
  | { t: "authed" };

export interface Session {
  visitor_token: string;
  access_token: string;
  expires_in_s: number;
  conversation: string | null;
  seq: number;
  user: { id: string; name: string | null } | null;
}

export interface EventsPage {
  events: ConversationEvent[];
  seq: number;
  more: boolean;
  conversation: string | null;
}

export interface WidgetConfig {
  id: string;
  name: string;
  names: Partial<Record<Language, string>>;
  languages: Language[];
  identity_required: boolean;
  greetings: Partial<Record<Language, string>>;
  starters: Partial<Record<Language, string[]>>;
}

/** An answer of the server that was not a success: RFC 9457 problem details. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
    readonly retryAfterS: number | null = null,
    /** Which token was refused: `user`, `visitor` or `access`. */
    readonly token: string | null = null,
  ) {
    super(detail);
  }

  /** Whether the access token must be renewed, or the session opened anew. */
  get isUnproven(): boolean {
    return this.status === 401;
  }

  /** Whether sending the same again can succeed later. */
  get isPassing(): boolean {
    return this.status === 429 || this.status >= 500 || this.status === 0 || this.status === 408;
  }
}
