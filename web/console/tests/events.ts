/** Builds events and rows for the tests. */
import type { ConversationEvent, EventData, EventType, Row } from '@/api/types'

export function event<T extends EventType>(seq: number, type: T, data: EventData[T], at = '2026-03-01T08:00:00Z'): ConversationEvent {
  return { seq, type, at, data } as ConversationEvent
}

export function said(seq: number, kind: 'customer' | 'bot' | 'agent', text: string, more: Partial<EventData['message']> = {}, at?: string): ConversationEvent {
  return event(seq, 'message', { message_id: `m${seq}`, author: { kind }, kind: 'text', text, ...more }, at)
}

export function row(id: string, more: Partial<Row> = {}): Row {
  return {
    id, channel: 'web', owner: { kind: 'queue' }, token: 1, last_seq: 1, updated_at: '2026-03-01T08:00:00Z',
    waiting_since: '2026-03-01T08:00:00Z', customer: { id: null, name: id, verified: false }, ...more,
  }
}
