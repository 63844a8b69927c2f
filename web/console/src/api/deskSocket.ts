/** The live connection of the desk: greets, watches conversations, comes back by itself after a cut. */
import type { ConversationEvent, Counts, Row, ServerFrame } from './types'

export type SocketState = 'idle' | 'connecting' | 'live' | 'waiting'

export interface DeskSocketHandlers {
  onState(state: SocketState, retryAt: number | null): void
  /** The connection stands; `again` says that there was one before, so something may have been missed. */
  onLive(again: boolean): void
  onRow(row: Row): void
  onCounts(counts: Counts): void
  onEvent(conversationId: string, event: ConversationEvent): void
  /** A connection ended or did not come about; the session may be the reason. */
  onLost(): void
}

export interface DeskSocketOptions {
  url: () => string
  csrf: () => string
  create?: (url: string) => WebSocket
  random?: () => number
}

const FIRST_DELAY_MS = 500
const LONGEST_DELAY_MS = 20_000
const PING_EVERY_MS = 25_000
const SILENCE_LIMIT_MS = 65_000

/** The delay before attempt `n` (from 0): doubling, capped, spread by a half so that desks do not return at once. */
export function backoffMs(n: number, random: () => number): number {
  const full = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** n)
  return Math.round(full * (0.5 + random() / 2))
}

export class DeskSocket {
  private socket: WebSocket | null = null
  private attempts = 0
  private wasLive = false
  private wanted = false
  private lastHeardAt = 0
  private retryTimer: ReturnType<typeof setTimeout> | undefined
  private pingTimer: ReturnType<typeof setInterval> | undefined
  /** Conversations watched, each with a function that says the last seq seen. */
  private readonly watched = new Map<string, () => number>()

  constructor(
    private readonly options: DeskSocketOptions,
    private readonly handlers: DeskSocketHandlers,
  ) {}

  start(): void {
    if (this.wanted) return
    this.wanted = true
    this.attempts = 0
    this.open()
  }

  stop(): void {
    this.wanted = false
    this.wasLive = false
    this.forget()
    this.handlers.onState('idle', null)
  }

  /** Try at once, for instance because the network came back. */
  retryNow(): void {
    if (!this.wanted || this.socket) return
    clearTimeout(this.retryTimer)
    this.open()
  }

  watch(conversationId: string, after: () => number): void {
    this.watched.set(conversationId, after)
    this.send({ t: 'watch', conversation_id: conversationId, after: after() })
  }

  unwatch(conversationId: string): void {
    if (this.watched.delete(conversationId)) this.send({ t: 'unwatch', conversation_id: conversationId })
  }

  private open(): void {
    this.handlers.onState('connecting', null)
    const create = this.options.create ?? ((url: string) => new WebSocket(url))
    const socket = create(this.options.url())
    this.socket = socket
    socket.onopen = () => {
      socket.send(JSON.stringify({ t: 'hello', csrf_token: this.options.csrf() }))
      this.becomeLive()
    }
    socket.onmessage = (message) => this.receive(message.data)
    socket.onclose = () => {
      if (this.socket === socket) this.lost()
    }
  }

  private becomeLive(): void {
    this.lastHeardAt = Date.now()
    this.handlers.onState('live', null)
    for (const [id, after] of this.watched) this.send({ t: 'watch', conversation_id: id, after: after() })
    this.handlers.onLive(this.wasLive)
    this.wasLive = true
    this.pingTimer = setInterval(() => this.ping(), PING_EVERY_MS)
  }

  private ping(): void {
    if (Date.now() - this.lastHeardAt > SILENCE_LIMIT_MS) this.lost()
    else this.send({ t: 'ping' })
  }

  private receive(data: unknown): void {
    this.lastHeardAt = Date.now()
    const frame = parseFrame(data)
    if (!frame) return
    this.attempts = 0
    if (frame.t === 'row') this.handlers.onRow(frame.row)
    else if (frame.t === 'counts') this.handlers.onCounts(frame.counts)
    else if (frame.t === 'ev') this.handlers.onEvent(frame.conversation_id, frame.ev)
    else if (frame.t === 'ping') this.send({ t: 'pong' })
  }

  private lost(): void {
    this.forget()
    if (!this.wanted) return
    const delay = backoffMs(this.attempts++, this.options.random ?? Math.random)
    this.handlers.onState('waiting', Date.now() + delay)
    this.retryTimer = setTimeout(() => this.open(), delay)
    this.handlers.onLost()
  }

  private forget(): void {
    clearTimeout(this.retryTimer)
    clearInterval(this.pingTimer)
    const socket = this.socket
    this.socket = null
    if (!socket) return
    socket.onopen = socket.onmessage = socket.onclose = null
    socket.close()
  }

  private send(frame: object): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(frame))
  }
}

function parseFrame(data: unknown): ServerFrame | null {
  if (typeof data !== 'string') return null
  try {
    const frame: unknown = JSON.parse(data)
    return typeof frame === 'object' && frame !== null && 't' in frame ? (frame as ServerFrame) : null
  } catch {
    return null
  }
}
