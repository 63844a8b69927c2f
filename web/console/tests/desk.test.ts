import { describe, expect, it } from 'vitest'
import { belongsTo, compareRows, isStale } from '@/desk/rowOrder'
import { visibleRange } from '@/desk/virtualRows'
import { formatWait, waitLevel, waitSeconds } from '@/desk/wait'
import { attention } from '@/shell/alerts'
import { allowedActions } from '@/thread/actions'
import type { Permission, SignedInAccount } from '@/api/types'
import { row } from './events'

const agent = (id: string): { kind: 'agent'; agent: { id: string } } => ({ kind: 'agent', agent: { id } })

describe('waiting', () => {
  it('is written short', () => {
    expect([0, 42, 725, 3900, 172_800].map(formatWait)).toEqual(['0:00', '0:42', '12:05', '1:05 h', '2 d'])
  })

  it('becomes urgent after one and after five minutes', () => {
    expect([59, 60, 299, 300].map(waitLevel)).toEqual(['calm', 'warm', 'warm', 'late'])
  })

  it('is never negative when the clocks differ', () => {
    expect(waitSeconds('2026-03-01T08:00:10Z', Date.parse('2026-03-01T08:00:00Z'))).toBe(0)
  })
})

describe('rows', () => {
  it('belong to the view of their owner', () => {
    const mine = row('r', { owner: agent('me') })

    expect((['queue', 'mine', 'bot', 'all', 'closed'] as const).filter((view) => belongsTo(mine, view, 'me'))).toEqual(['mine', 'all'])
    expect(belongsTo(mine, 'mine', 'other')).toBe(false)
  })

  it('stand by wait in the queue and by change elsewhere', () => {
    const first = row('a', { waiting_since: '2026-03-01T08:00:00Z', updated_at: '2026-03-01T08:00:00Z' })
    const second = row('b', { waiting_since: '2026-03-01T08:05:00Z', updated_at: '2026-03-01T09:00:00Z' })

    expect([second, first].sort(compareRows('queue'))).toEqual([first, second])
    expect([first, second].sort(compareRows('all'))).toEqual([second, first])
  })

  it('are stale when a newer one is known', () => {
    const known = row('a', { token: 3, last_seq: 9 })

    expect(isStale(row('a', { token: 2, last_seq: 9 }), known)).toBe(true)
    expect(isStale(row('a', { token: 3, last_seq: 8 }), known)).toBe(true)
    expect(isStale(row('a', { token: 3, last_seq: 9 }), known)).toBe(false)
    expect(isStale(known, undefined)).toBe(false)
  })

  it('are drawn only near what is in sight', () => {
    expect(visibleRange(0, 800, 100, 10_000)).toEqual([0, 14])
    expect(visibleRange(500_000, 800, 100, 10_000)).toEqual([4994, 5014])
    expect(visibleRange(5000, 800, 100, 3)).toEqual([3, 3])
  })
})

describe('attention', () => {
  const now = new Date().toISOString()

  it('is asked for somebody who begins to wait, once', () => {
    const waiting = row('a', { waiting_since: now })

    expect(attention(waiting, row('a', { owner: { kind: 'bot' } }), 'me')).toBe('waiting')
    expect(attention(waiting, waiting, 'me')).toBeNull()
    expect(attention(row('a', { waiting_since: '2020-01-01T00:00:00Z' }), undefined, 'me')).toBeNull()
  })

  it('is asked for words of one’s own customer only', () => {
    const before = row('a', { owner: agent('me'), last_message: { author_kind: 'customer', text: 'a', at: '1' } })
    const after = row('a', { owner: agent('me'), last_message: { author_kind: 'customer', text: 'b', at: '2' } })

    expect(attention(after, before, 'me')).toBe('message')
    expect(attention(after, before, 'other')).toBeNull()
    expect(attention(after, after, 'me')).toBeNull()
  })
})

describe('what may be done', () => {
  const account = (...permissions: Permission[]): SignedInAccount => ({ id: 'me', login: 'me', name: 'Me', roles: [], permissions })
  const desk: Permission[] = ['view_conversations', 'take_handoffs', 'answer_customers']

  it('follows owner and permissions', () => {
    const of = (owner: Parameters<typeof row>[1], ...more: Permission[]): string[] => [...allowedActions(row('a', owner), account(...desk, ...more))].sort()

    expect(of({ owner: { kind: 'queue' } })).toEqual(['note', 'take'])
    expect(of({ owner: { kind: 'bot' } })).toEqual(['note', 'take', 'toQueue'])
    expect(of({ owner: agent('me') })).toEqual(['handBack', 'note', 'reply', 'resolve', 'toQueue'])
    expect(of({ owner: agent('other') })).toEqual(['note'])
    expect(of({ owner: agent('other') }, 'assign_handoffs')).toEqual(['note', 'take', 'toQueue'])
    expect(of({ owner: { kind: 'closed' } })).toEqual(['note', 'take'])
    expect([...allowedActions(row('a'), account('view_conversations'))]).toEqual([])
  })
})
