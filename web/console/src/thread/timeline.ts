/** What the thread shows, made from events: messages with their understanding, notes, system lines, day breaks. */
import { asOwner } from '@/api/problem'
import type {
  ConversationEvent,
  EventData,
  HandoffReason,
  MessageData,
  MessageState,
  Owner,
  PersonRef,
  UnderstoodData,
} from '@/api/types'

export interface MessageItem {
  kind: 'message'
  key: string
  seq: number
  at: string
  message: MessageData
  state: MessageState | null
  reason: string | null
  understanding: UnderstoodData | null
  /** Same author as the item above, shortly after: the author's line is left out. */
  continued: boolean
}
export interface NoteItem {
  kind: 'note'
  key: string
  at: string
  text: string
  author: string | null
}
export interface HandoffItem {
  kind: 'handoff'
  key: string
  at: string
  reason: HandoffReason
}
export interface SystemItem {
  kind: 'system'
  key: string
  at: string
  what: 'to_bot' | 'to_queue' | 'to_agent' | 'closed' | 'handoff_ended' | 'customer_linked'
  agent: PersonRef | null
  detail: string | null
}
export interface DayItem {
  kind: 'day'
  key: string
  at: string
}
export type TimelineItem = MessageItem | NoteItem | HandoffItem | SystemItem | DayItem

/** How near two events of one change are in the log: the server writes them in one transaction. */
const NEARBY = 3
const CONTINUES_WITHIN_MS = 3 * 60_000

export function buildTimeline(events: readonly ConversationEvent[]): TimelineItem[] {
  const understood = new Map<string, UnderstoodData>()
  const states = new Map<string, EventData['status']>()
  for (const event of events) {
    if (event.type === 'understood') understood.set(event.data.message_id, event.data)
    else if (event.type === 'status') states.set(event.data.message_id, event.data)
  }
  const items: TimelineItem[] = []
  let day = ''
  events.forEach((event, index) => {
    const around = events.slice(Math.max(0, index - NEARBY), index + NEARBY + 1)
    const item = itemOf(event, around, understood, states)
    if (!item) return
    const eventDay = localDay(event.at)
    if (eventDay !== day) {
      items.push({ kind: 'day', key: `day-${eventDay}-${event.seq}`, at: event.at })
      day = eventDay
    }
    if (item.kind === 'message') item.continued = continues(items[items.length - 1], item)
    items.push(item)
  })
  return items
}

/** The item one event becomes, or null for events that only change others. */
function itemOf(
  event: ConversationEvent,
  around: readonly ConversationEvent[],
  understood: Map<string, UnderstoodData>,
  states: Map<string, EventData['status']>,
): TimelineItem | null {
  const base = { key: `e-${event.seq}`, at: event.at }
  switch (event.type) {
    case 'message': {
      const status = states.get(event.data.message_id)
      return {
        ...base,
        kind: 'message',
        seq: event.seq,
        message: event.data,
        state: status?.state ?? event.data.state ?? null,
        reason: status?.reason ?? null,
        understanding: understood.get(event.data.message_id) ?? null,
        continued: false,
      }
    }
    case 'note':
      return { ...base, kind: 'note', text: event.data.text, author: event.data.author?.name ?? null }
    case 'handoff_opened':
      return { ...base, kind: 'handoff', reason: event.data.reason }
    case 'owner_changed':
      return ownerItem(base, event.data, around)
    case 'handoff_ended':
      return event.data.outcome
        ? { ...base, kind: 'system', what: 'handoff_ended', agent: null, detail: event.data.outcome }
        : null
    case 'closed':
      return around.some((other) => other.type === 'owner_changed')
        ? null
        : { ...base, kind: 'system', what: 'closed', agent: null, detail: null }
    case 'customer_linked':
      return { ...base, kind: 'system', what: 'customer_linked', agent: null, detail: null }
    default:
      return null
  }
}

function ownerItem(
  base: { key: string; at: string },
  data: EventData['owner_changed'],
  around: readonly ConversationEvent[],
): SystemItem | null {
  const to = ownerOf(data)
  if (to.kind === 'queue' && around.some((event) => event.type === 'handoff_opened')) return null
  const what = ({ bot: 'to_bot', queue: 'to_queue', agent: 'to_agent', closed: 'closed' } as const)[to.kind]
  return { ...base, kind: 'system', what, agent: to.agent ?? null, detail: null }
}

/** The owner an `owner_changed` event ends with, with the agent's name where the event says it. */
export function ownerOf(data: EventData['owner_changed']): Owner {
  const to = asOwner(data.to) ?? { kind: 'bot' as const }
  if (to.kind !== 'agent') return { kind: to.kind }
  return { kind: 'agent', agent: { ...(to.agent ?? { id: '' }), ...(data.agent ?? {}) } }
}

function continues(above: TimelineItem | undefined, item: MessageItem): boolean {
  if (above?.kind !== 'message') return false
  const sameAuthor =
    above.message.author.kind === item.message.author.kind && above.message.author.id === item.message.author.id
  return sameAuthor && Date.parse(item.at) - Date.parse(above.at) < CONTINUES_WITHIN_MS
}

function localDay(at: string): string {
  const date = new Date(at)
  return `${date.getFullYear()}-${date.getMonth() + 1}-${date.getDate()}`
}
