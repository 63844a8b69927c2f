import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { backoffMs, DeskSocket, type DeskSocketHandlers } from '@/api/deskSocket'
import { row, said } from './events'

class FakeSocket {
  static all: FakeSocket[] = []
  readyState = 0
  sent: { t: string }[] = []
  onopen: (() => void) | null = null
  onmessage: ((message: { data: string }) => void) | null = null
  onclose: (() => void) | null = null
  constructor() {
    FakeSocket.all.push(this)
  }
  send(data: string): void {
    this.sent.push(JSON.parse(data) as { t: string })
  }
  close(): void {
    this.readyState = 3
  }
  open(): void {
    this.readyState = WebSocket.OPEN
    this.onopen?.()
  }
  say(frame: object): void {
    this.onmessage?.({ data: JSON.stringify(frame) })
  }
  cut(): void {
    this.readyState = 3
    this.onclose?.()
  }
}

const last = (): FakeSocket => FakeSocket.all[FakeSocket.all.length - 1] as FakeSocket
let handlers: { [K in keyof DeskSocketHandlers]: ReturnType<typeof vi.fn> }
let socket: DeskSocket

beforeEach(() => {
  vi.useFakeTimers()
  FakeSocket.all = []
  handlers = { onState: vi.fn(), onLive: vi.fn(), onRow: vi.fn(), onCounts: vi.fn(), onEvent: vi.fn(), onLost: vi.fn() }
  socket = new DeskSocket(
    { url: () => 'ws://desk', csrf: () => 'csrf-1', create: () => new FakeSocket() as unknown as WebSocket, random: () => 1 },
    handlers as unknown as DeskSocketHandlers,
  )
})
afterEach(() => {
  socket.stop()
  vi.useRealTimers()
})

describe('the desk’s socket', () => {
  it('greets first and passes on what it hears', () => {
    socket.start()
    last().open()
    last().say({ t: 'row', row: row('a') })
    last().say({ t: 'ev', conversation_id: 'a', ev: said(3, 'customer', 'hi') })
    last().say({ t: 'ping' })
    last().say({ t: 'something new' })
    last().onmessage?.({ data: 'not json' })

    expect(last().sent).toEqual([{ t: 'hello', csrf_token: 'csrf-1' }, { t: 'pong' }])
    expect(handlers.onRow).toHaveBeenCalledWith(row('a'))
    expect(handlers.onEvent).toHaveBeenCalledWith('a', said(3, 'customer', 'hi'))
    expect(handlers.onLive).toHaveBeenCalledExactlyOnceWith(false)
  })

  it('comes back after a cut and watches on from what was seen last', () => {
    let seen = 4
    socket.start()
    last().open()
    socket.watch('a', () => seen)
    seen = 9
    last().cut()
    expect(handlers.onState).toHaveBeenLastCalledWith('waiting', Date.now() + 500)
    expect(handlers.onLost).toHaveBeenCalledOnce()

    vi.advanceTimersByTime(500)
    last().open()

    expect(FakeSocket.all).toHaveLength(2)
    expect(last().sent).toEqual([{ t: 'hello', csrf_token: 'csrf-1' }, { t: 'watch', conversation_id: 'a', after: 9 }])
    expect(handlers.onLive).toHaveBeenLastCalledWith(true)
  })

  it('waits longer after each failure, up to a limit, and starts over when it hears something', () => {
    expect([0, 1, 2, 10].map((n) => backoffMs(n, () => 1))).toEqual([500, 1000, 2000, 20_000])
    expect(backoffMs(0, () => 0)).toBe(250)

    socket.start()
    last().cut()
    vi.advanceTimersByTime(500)
    last().cut()
    expect(handlers.onState).toHaveBeenLastCalledWith('waiting', Date.now() + 1000)
    vi.advanceTimersByTime(1000)
    last().open()
    last().say({ t: 'ready' })
    last().cut()
    expect(handlers.onState).toHaveBeenLastCalledWith('waiting', Date.now() + 500)
  })

  it('takes long silence for a cut', () => {
    socket.start()
    last().open()

    vi.advanceTimersByTime(75_000)

    expect(handlers.onState).toHaveBeenLastCalledWith('waiting', expect.any(Number))
  })

  it('stays quiet when stopped', () => {
    socket.start()
    last().open()
    socket.stop()
    last().cut()

    vi.advanceTimersByTime(60_000)

    expect(FakeSocket.all).toHaveLength(1)
    expect(handlers.onState).toHaveBeenLastCalledWith('idle', null)
  })
})
