import { describe, expect, it } from 'vitest'
import { contiguousSeq, mergeEvents } from '@/thread/eventLog'
import { newClientMsgId, reconcile, type Outgoing } from '@/thread/outgoing'
import { buildTimeline, type TimelineItem } from '@/thread/timeline'
import { event, said } from './events'

const kinds = (items: TimelineItem[]): string[] => items.map((item) => item.kind)

describe('the log of events', () => {
  it('keeps each event once, in order, whatever way they came', () => {
    const [a, b, c] = [said(1, 'customer', 'a'), said(2, 'bot', 'b'), said(3, 'customer', 'c')]

    const merged = mergeEvents(mergeEvents([a], [c, a]), [b, c, b])

    expect(merged.map((one) => one.seq)).toEqual([1, 2, 3])
  })

  it('returns the same log when there is nothing new', () => {
    const known = [said(1, 'customer', 'a')]

    expect(mergeEvents(known, [said(1, 'customer', 'again')])).toBe(known)
  })

  it('knows up to where it has no hole', () => {
    const log = [said(4, 'customer', 'a'), said(5, 'bot', 'b'), said(7, 'bot', 'd')]

    expect(contiguousSeq(log)).toBe(5)
    expect(contiguousSeq(log, 6)).toBe(7)
    expect(contiguousSeq([])).toBe(0)
  })
})

describe('the timeline', () => {
  it('ties what was understood and what became of a message to the message', () => {
    const understood = { message_id: 'm1', intent: { name: 'ask_order_status', confidence: 0.9 } }

    const items = buildTimeline([
      said(1, 'customer', 'where is it'),
      said(2, 'bot', 'on its way', { state: 'queued' }),
      event(3, 'understood', understood),
      event(4, 'status', { message_id: 'm2', state: 'dropped_late', reason: 'owner_changed' }),
    ])

    expect(items).toMatchObject([
      { kind: 'day' },
      { kind: 'message', understanding: understood, state: null },
      { kind: 'message', state: 'dropped_late', reason: 'owner_changed' },
    ])
  })

  it('breaks at each day and joins what one author says at a stretch', () => {
    const items = buildTimeline([
      said(1, 'customer', 'a', {}, '2026-03-01T08:00:00'),
      said(2, 'customer', 'b', {}, '2026-03-01T08:01:00'),
      said(3, 'customer', 'c', {}, '2026-03-01T08:30:00'),
      said(4, 'customer', 'd', {}, '2026-03-02T08:30:00'),
    ])

    expect(kinds(items)).toEqual(['day', 'message', 'message', 'message', 'day', 'message'])
    expect(items.map((item) => item.kind === 'message' && item.continued)).toEqual([false, false, true, false, false, false])
  })

  it('says a handoff once, as its banner', () => {
    const items = buildTimeline([
      event(1, 'owner_changed', { from: 'bot', to: 'queue', token: 2, cause: 'handoff' }),
      event(2, 'handoff_opened', { handoff_id: 'h', reason: { code: 'complaint' }, position: 1 }),
      event(3, 'owner_changed', { from: 'queue', to: 'agent:a', token: 3, cause: 'taken', agent: { id: 'a', name: 'Ada' } }),
      event(4, 'agent_joined', { agent: { id: 'a', name: 'Ada' } }),
      event(5, 'owner_changed', { from: 'agent:a', to: 'closed', token: 4, cause: 'resolved' }),
      event(6, 'closed', {}),
    ])

    expect(items).toMatchObject([
      { kind: 'day' },
      { kind: 'handoff', reason: { code: 'complaint' } },
      { kind: 'system', what: 'to_agent', agent: { id: 'a', name: 'Ada' } },
      { kind: 'system', what: 'closed' },
    ])
  })
})

describe('what is being sent', () => {
  const sending = (clientMsgId: string): Outgoing => ({ clientMsgId, conversationId: 'c', text: 'hi', at: '', state: 'sending', problem: null })

  it('goes when the log shows it, and only then', () => {
    const left = reconcile([sending('x'), sending('y')], [said(9, 'agent', 'hi', { client_msg_id: 'x' }), said(10, 'customer', 'hi')])

    expect(left.map((one) => one.clientMsgId)).toEqual(['y'])
  })

  it('gets an id the server accepts', () => {
    expect(newClientMsgId()).toMatch(/^[0-9a-f]{32}$/)
    expect(newClientMsgId()).not.toBe(newClientMsgId())
  })
})
