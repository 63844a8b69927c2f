/** The shapes the server's console interface speaks: accounts, conversations, their events, profiles, packets. */

export type Role = 'agent' | 'supervisor' | 'trainer' | 'administrator'
export type Permission =
  | 'view_conversations'
  | 'take_handoffs'
  | 'answer_customers'
  | 'assign_handoffs'
  | 'view_customers'
  | 'edit_customers'
  | 'edit_nlu'
  | 'publish_knowledge'
  | 'manage_accounts'
  | 'view_metrics'
  | 'view_audit'

export interface SignedInAccount {
  id: string
  login: string
  name: string
  roles: Role[]
  permissions: Permission[]
  must_change_password?: boolean
}
export interface Session {
  account: SignedInAccount
  csrf_token: string
}
export interface Account {
  id: string
  login: string
  name: string
  roles: Role[]
  enabled: boolean
  must_change_password?: boolean
  created_at?: string
  last_sign_in_at?: string | null
}

export type View = 'queue' | 'mine' | 'bot' | 'all' | 'closed'
export type Counts = Record<View, number>
export type AuthorKind = 'customer' | 'bot' | 'agent' | 'system'

export interface PersonRef {
  id: string
  name?: string | null
}
export interface Owner {
  kind: 'bot' | 'queue' | 'agent' | 'closed'
  agent?: PersonRef | null
}
export interface HandoffReason {
  code: string
  evidence?: string | null
  said_by?: string | null
}
export interface Row {
  id: string
  channel: string
  customer: {
    id: string | null
    name: string | null
    verified: boolean
    tier?: string | null
    language?: string | null
  }
  owner: Owner
  token: number
  reason?: HandoffReason | null
  waiting_since?: string | null
  last_message?: { author_kind: AuthorKind; text: string; at: string } | null
  last_seq: number
  unread?: number
  mood?: number | null
  updated_at: string
}
export interface RowPage {
  items: Row[]
  next_cursor: string | null
  counts: Counts
}

/** A text in both languages of the desk. */
export interface LocalText {
  zh: string
  en: string
}

/** Everything in a packet may be missing: it was stored as it was at its moment, by the version of then. */
export interface Packet {
  reason?: HandoffReason | null
  goal?: string | LocalText | null
  known?: KnownFact[] | null
  tried?: TriedStep[] | null
  mood?: { message_id?: string; score: number }[] | null
  mood_trend?: string | null
  suggestion?: string | LocalText | null
  /** The handoff before this one, when an agent gave the conversation back to the queue. */
  follows?: { handoff_id: string; reason?: HandoffReason | null; agent_name?: string | null } | null
  orders?: OrderBrief[] | null
  made_at?: string | null
  model_id?: string | null
  [key: string]: unknown
}
export interface KnownFact {
  slot: string
  value: unknown
  message_id?: string | null
  at?: string | null
  verified?: boolean | null
}
export interface TriedStep {
  action?: string | null
  answer?: string | null
  article?: string | { title?: string | null; url?: string | null } | null
  probability?: number | null
  received?: string | null
}
export interface Handoff {
  id: string
  state: string
  reason?: HandoffReason | null
  created_at: string
  taken_at?: string | null
  ended_at?: string | null
  outcome?: string | null
  agent?: PersonRef | null
  packet?: Packet | null
}
export interface Identifier {
  kind: string
  value: string
  verified?: boolean
}
export interface OrderBrief {
  order_number: string
  status?: string | null
  total?: string | number | null
  currency?: string | null
  placed_at?: string | null
  items?: LocalText[] | null
}
export interface Profile {
  customer_id: string
  name?: string | null
  language?: string | null
  tier?: string | null
  shop_customer_id?: string | null
  verified?: boolean
  identifiers?: Identifier[] | null
  traits?: Record<string, unknown> | null
  orders?: OrderBrief[] | null
  first_seen_at?: string | null
  last_seen_at?: string | null
}
export interface ConversationDetail {
  conversation: Row
  handoff: Handoff | null
  customer: Profile | null
}

export type MessageState = 'received' | 'queued' | 'sending' | 'sent' | 'failed' | 'dropped_late' | 'unknown'
export interface Author {
  kind: AuthorKind
  id?: string | null
  name?: string | null
}
export interface Choice {
  title: string
  payload?: string
}
export interface Source {
  article_id: string
  title: string
  section?: string | null
  url?: string | null
  version?: string | null
}
export interface MessageData {
  message_id: string
  author: Author
  kind: 'text' | 'choices' | 'card' | 'answer'
  text: string
  choices?: Choice[] | null
  source?: Source | null
  card?: Record<string, unknown> | null
  quote?: string | null
  client_msg_id?: string | null
  in_reply_to?: string | null
  state?: MessageState | null
}
export interface UnderstoodData {
  message_id: string
  intent: { name: string | null; confidence: number }
  ranking?: { name: string; confidence: number }[] | null
  entities?: { entity: string; value: unknown; start?: number; end?: number }[] | null
  sentiment?: { label: 'negative' | 'neutral' | 'positive'; score: number } | null
  language?: string | null
  model_id?: string | null
}
export interface EventData {
  message: MessageData
  status: { message_id: string; state: MessageState; reason?: string | null }
  owner_changed: {
    from: string | Owner
    to: string | Owner
    token: number
    cause: string
    agent?: PersonRef | null
  }
  handoff_opened: { handoff_id: string; reason: HandoffReason; position?: number | null }
  handoff_ended: { handoff_id: string; outcome?: string | null }
  agent_joined: { agent: PersonRef }
  queue_position: { position: number }
  closed: Record<string, unknown>
  understood: UnderstoodData
  note: { text: string; author?: Author | null; note_id?: string | null }
  customer_linked: { customer_id: string }
}
export type EventType = keyof EventData
export type ConversationEvent = {
  [T in EventType]: { seq: number; type: T; at: string; data: EventData[T]; audience?: string }
}[EventType]

export interface EventPage {
  events: ConversationEvent[]
  last_seq: number
}
export interface Posted {
  message_id: string
  seq: number
}

export type ServerFrame =
  | { t: 'row'; row: Row }
  | { t: 'ev'; conversation_id: string; ev: ConversationEvent }
  | { t: 'counts'; counts: Counts }
  | { t: 'hello' | 'ready' | 'pong' | 'ping' }
  | { t: 'error'; code?: string; detail?: string; conversation_id?: string }
