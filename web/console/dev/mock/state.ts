/** The mock server's memory: accounts, sessions, conversations with their events. Only for development and tests. */
import { randomBytes } from 'node:crypto'
import type {
  Account,
  ConversationEvent,
  Counts,
  EventData,
  EventType,
  Handoff,
  Owner,
  Permission,
  Profile,
  Role,
  Row,
  SignedInAccount,
  View,
} from '../../src/api/types'
import { belongsTo, compareRows } from '../../src/desk/rowOrder'
import { seed } from './seed'

export interface MockAccount extends Account {
  password: string
}
export interface MockConversation {
  row: Row
  events: ConversationEvent[]
  handoff: Handoff | null
  customer: Profile | null
}
export interface Fault {
  method: string
  path: string
  status: number
  code: string
  times: number
  delay_ms: number
}

const AGENT: Permission[] = ['view_conversations', 'take_handoffs', 'answer_customers', 'view_customers']
const PERMISSIONS: Record<Role, Permission[]> = {
  agent: AGENT,
  supervisor: [...AGENT, 'assign_handoffs', 'edit_customers', 'view_metrics', 'view_audit'],
  trainer: ['view_conversations', 'edit_nlu', 'publish_knowledge'],
  administrator: [
    ...AGENT, 'assign_handoffs', 'edit_customers', 'edit_nlu', 'publish_knowledge', 'manage_accounts',
    'view_metrics', 'view_audit',
  ],
}

export const newId = (): string => randomBytes(16).toString('hex')

export class MockState {
  accounts: MockAccount[] = []
  sessions = new Map<string, { accountId: string; csrf: string }>()
  conversations = new Map<string, MockConversation>()
  faults: Fault[] = []
  nFailedSignIns = 0
  refuseSockets = false
  onRow: (row: Row) => void = () => undefined
  onEvent: (conversationId: string, event: ConversationEvent) => void = () => undefined

  constructor() {
    this.reset()
  }

  reset(nBulk = 0): void {
    this.sessions.clear()
    this.conversations.clear()
    this.faults = []
    this.nFailedSignIns = 0
    this.refuseSockets = false
    this.accounts = seed(this, nBulk)
  }

  account(id: string): MockAccount | undefined {
    return this.accounts.find((account) => account.id === id)
  }

  signedIn(account: MockAccount): SignedInAccount {
    const { id, login, name, roles, must_change_password } = account
    const permissions = [...new Set(roles.flatMap((role) => PERMISSIONS[role]))]
    return { id, login, name, roles, permissions, must_change_password }
  }

  list(view: View, query: string, accountId: string): Row[] {
    const wanted = query.toLowerCase()
    return [...this.conversations.values()]
      .filter(({ row }) => belongsTo(row, view, accountId))
      .filter(
        ({ row, events }) =>
          !wanted ||
          (row.customer.name ?? '').toLowerCase().includes(wanted) ||
          events.some((event) => event.type === 'message' && event.data.text.toLowerCase().includes(wanted)),
      )
      .map(({ row }) => row)
      .sort(compareRows(view))
  }

  counts(accountId: string): Counts {
    const views: View[] = ['queue', 'mine', 'bot', 'all', 'closed']
    return Object.fromEntries(views.map((view) => [view, this.list(view, '', accountId).length])) as Counts
  }

  add(row: Row, customer: Profile | null): MockConversation {
    const conversation: MockConversation = { row, events: [], handoff: null, customer }
    this.conversations.set(row.id, conversation)
    return conversation
  }

  /** Append an event, bring the row up to date, and tell whoever listens. */
  append<T extends EventType>(
    conversation: MockConversation,
    type: T,
    data: EventData[T],
    at: string = new Date().toISOString(),
  ): ConversationEvent {
    const { row } = conversation
    const event = { seq: row.last_seq + 1, type, at, data } as ConversationEvent
    conversation.events.push(event)
    conversation.row = { ...row, last_seq: event.seq, updated_at: at }
    if (event.type === 'message' && event.data.state !== 'dropped_late') {
      const { author, text } = event.data
      conversation.row.last_message = { author_kind: author.kind, text: text.slice(0, 120), at }
    }
    this.onEvent(row.id, event)
    this.onRow(conversation.row)
    return event
  }

  changeOwner(conversation: MockConversation, to: Owner, cause: string, at?: string): void {
    const from = conversation.row.owner
    const moment = at ?? new Date().toISOString()
    conversation.row = {
      ...conversation.row,
      owner: to,
      token: conversation.row.token + 1,
      waiting_since: to.kind === 'queue' ? moment : null,
    }
    const stored = (owner: Owner): string => (owner.kind === 'agent' ? `agent:${owner.agent?.id}` : owner.kind)
    const data: EventData['owner_changed'] = {
      from: stored(from), to: stored(to), token: conversation.row.token, cause, agent: to.agent ?? undefined,
    }
    this.append(conversation, 'owner_changed', data, moment)
  }

  openHandoff(conversation: MockConversation, handoff: Handoff, at?: string): void {
    conversation.handoff = handoff
    conversation.row = { ...conversation.row, reason: handoff.reason }
    this.changeOwner(conversation, { kind: 'queue' }, 'handoff', at)
    const reason = handoff.reason ?? { code: 'customer_asked' }
    this.append(conversation, 'handoff_opened', { handoff_id: handoff.id, reason, position: 1 }, at)
  }
}
