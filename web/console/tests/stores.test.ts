import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { ConversationDetail, ConversationEvent, Row } from '@/api/types'
import { useDesk } from '@/stores/desk'
import { useDrafts } from '@/stores/drafts'
import { useSession } from '@/stores/session'
import { useThread } from '@/stores/thread'
import { event, row, said } from './events'

/** A server of a single conversation, as far as the stores ask. */
class FakeServer {
  row: Row = row('c', { owner: { kind: 'agent', agent: { id: 'me', name: 'Me' } }, token: 5, last_seq: 2 })
  events: ConversationEvent[] = [said(1, 'customer', 'hello'), said(2, 'bot', 'hi')]
  rows: Row[] = []
  refuse: { path: RegExp; status: number; code: string; details?: object } | null = null
  posted: { path: string; body: Record<string, unknown> }[] = []

  readonly fetch = (input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> => {
    const url = new URL(String(input), 'http://desk')
    const body = init.body ? (JSON.parse(String(init.body)) as Record<string, unknown>) : {}
    if (init.method === 'POST') this.posted.push({ path: url.pathname, body })
    if (this.refuse?.path.test(url.pathname)) {
      const { status, code, details } = this.refuse
      return Promise.resolve(new Response(JSON.stringify({ code, details }), { status }))
    }
    return Promise.resolve(new Response(JSON.stringify(this.answer(url, init.method ?? 'GET', body)), { status: 200 }))
  }

  private answer(url: URL, method: string, body: Record<string, unknown>): unknown {
    if (url.pathname === '/desk/conversations') return { items: this.rows, next_cursor: null, counts: { queue: 1, mine: 0, bot: 0, all: 1, closed: 0 } }
    if (url.pathname.endsWith('/events')) {
      const after = Number(url.searchParams.get('after'))
      return { events: this.events.filter((one) => one.seq > after), last_seq: this.row.last_seq }
    }
    if (method === 'POST' && url.pathname.endsWith('/messages')) {
      const seq = this.add(said(this.row.last_seq + 1, 'agent', String(body['text']), { client_msg_id: String(body['client_msg_id']) }))
      return { message_id: `m${seq}`, seq }
    }
    return { conversation: this.row, handoff: null, customer: null } satisfies ConversationDetail
  }

  add(one: ConversationEvent): number {
    this.events.push(one)
    this.row = { ...this.row, last_seq: one.seq }
    return one.seq
  }
}

let server: FakeServer

beforeEach(() => {
  setActivePinia(createPinia())
  localStorage.clear()
  server = new FakeServer()
  vi.stubGlobal('fetch', server.fetch)
  useSession().account = { id: 'me', login: 'me', name: 'Me', roles: ['agent'], permissions: [] }
})
afterEach(() => {
  vi.unstubAllGlobals()
})

describe('the open conversation', () => {
  it('shows a message at once and ties it to the one the log brings', async () => {
    const thread = useThread()
    await thread.open('c')

    thread.say('on it')
    expect(thread.sending).toMatchObject([{ text: 'on it', state: 'sending' }])

    await vi.waitFor(() => expect(thread.sending).toEqual([]))
    expect(thread.events.map((one) => one.seq)).toEqual([1, 2, 3])
    expect(server.posted[0]?.body).toMatchObject({ token: 5, text: 'on it' })
  })

  it('keeps what was not sent, and tries again under the same client id', async () => {
    const thread = useThread()
    await thread.open('c')
    server.refuse = { path: /messages$/, status: 503, code: 'engine_unavailable' }
    thread.say('on it')
    await vi.waitFor(() => expect(thread.sending).toMatchObject([{ state: 'failed', problem: { status: 503 } }]))

    server.refuse = null
    thread.retry(thread.sending[0]?.clientMsgId ?? '')

    await vi.waitFor(() => expect(thread.sending).toEqual([]))
    expect(server.posted[0]?.body['client_msg_id']).toBe(server.posted[1]?.body['client_msg_id'])
  })

  it('takes a live event once and fills a hole before it', async () => {
    const thread = useThread()
    await thread.open('c')
    server.add(said(3, 'customer', 'still there?'))
    server.add(said(4, 'customer', 'hello?'))

    thread.applyEvent('c', said(4, 'customer', 'hello?'))
    thread.applyEvent('c', said(4, 'customer', 'hello?'))
    thread.applyEvent('another', said(5, 'customer', 'not here'))

    await vi.waitFor(() => expect(thread.events.map((one) => one.seq)).toEqual([1, 2, 3, 4]))
    expect(thread.lastSeq).toBe(4)
  })

  it('adopts the owner an event names, with its token', async () => {
    const thread = useThread()
    await thread.open('c')

    thread.applyEvent('c', event(3, 'owner_changed', { from: 'agent:me', to: 'agent:ada', token: 6, cause: 'taken', agent: { id: 'ada', name: 'Ada' } }))

    expect(thread.conversation).toMatchObject({ token: 6, owner: { kind: 'agent', agent: { id: 'ada', name: 'Ada' } } })
    expect(thread.isMine).toBe(false)
  })

  it('says who was faster when a race is lost', async () => {
    const thread = useThread()
    server.row = { ...server.row, owner: { kind: 'queue' } }
    await thread.open('c')
    const owner = { kind: 'agent', agent: { id: 'ada', name: 'Ada' } } as const
    server.refuse = { path: /assignment$/, status: 409, code: 'owner_changed', details: { owner } }
    server.row = { ...server.row, owner, token: 6 }

    expect(await thread.act('take')).toBe(false)

    expect(thread.lostTo).toEqual(owner)
    expect(thread.conversation?.token).toBe(6)
  })

  it('shows why it could not be opened', async () => {
    const thread = useThread()
    server.refuse = { path: /conversations\/c$/, status: 404, code: 'unknown_conversation' }

    await thread.open('c')

    expect(thread.error).toMatchObject({ status: 404 })
    expect(thread.loading).toBe(false)
  })
})

describe('the list', () => {
  it('lets live rows in, moves them and lets them go', async () => {
    const desk = useDesk()
    server.rows = [row('a')]
    await desk.show('queue', '')

    desk.applyRow(row('b', { waiting_since: '2026-03-01T07:00:00Z' }))
    expect(desk.rows.map((one) => one.id)).toEqual(['b', 'a'])
    expect(desk.arrived.has('b')).toBe(true)

    desk.applyRow(row('b', { owner: { kind: 'agent', agent: { id: 'me' } }, token: 2 }))
    expect(desk.rows.map((one) => one.id)).toEqual(['a'])
  })

  it('ignores a row that was overtaken', async () => {
    const desk = useDesk()
    server.rows = [row('a', { token: 3, last_seq: 9 })]
    await desk.show('queue', '')

    desk.applyRow(row('a', { token: 2, last_seq: 8, owner: { kind: 'bot' } }))

    expect(desk.rows).toEqual(server.rows)
  })

  it('knows the next and the previous', async () => {
    const desk = useDesk()
    server.rows = [row('a'), row('b', { waiting_since: '2026-03-01T09:00:00Z' })]
    await desk.show('queue', '')

    expect([desk.neighbour('a', 1), desk.neighbour('a', -1), desk.neighbour(null, 1), desk.neighbour('gone', -1)]).toEqual(['b', null, 'a', 'a'])
  })
})

describe('drafts', () => {
  it('outlive the page and go when emptied', () => {
    useDrafts().set('c', 'reply', 'half a sent')
    setActivePinia(createPinia())

    const drafts = useDrafts()

    expect(drafts.get('c', 'reply')).toBe('half a sent')
    expect(drafts.get('c', 'note')).toBe('')
    drafts.set('c', 'reply', '')
    expect(drafts.has('c')).toBe(false)
  })
})
