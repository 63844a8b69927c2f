/** Mounts the mock server in Vite's development and preview servers, with the Content-Security-Policy of the product. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Connect, Plugin } from 'vite'
import { type WebSocket, WebSocketServer } from 'ws'
import { answer, cookieOf, Refusal } from './routes'
import { MockState } from './state'

const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
  "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
const MINE = /^\/(api|desk|mock)(\/|\?|$)/

interface Desk {
  socket: WebSocket
  accountId: string
  watched: Set<string>
}

export function mockServer(): Plugin {
  const state = new MockState()
  const desks = new Set<Desk>()
  const sockets = new WebSocketServer({ noServer: true })
  state.onRow = (row) => {
    for (const desk of desks) {
      send(desk, { t: 'row', row })
      send(desk, { t: 'counts', counts: state.counts(desk.accountId) })
    }
  }
  state.onEvent = (conversation_id, ev) => {
    for (const desk of desks) if (desk.watched.has(conversation_id)) send(desk, { t: 'ev', conversation_id, ev })
  }
  const mount = (middlewares: Connect.Server, server: unknown, strict: boolean): void => {
    middlewares.use((request, response, next) => {
      if (strict) response.setHeader('content-security-policy', CSP)
      if (!MINE.test(request.url ?? '')) return next()
      void handle(state, sockets, request, response)
    })
    acceptSockets(state, desks, sockets, server as Server)
  }
  return {
    name: 'yiti-mock-server',
    configureServer: (vite) => mount(vite.middlewares, vite.httpServer, false),
    configurePreviewServer: (vite) => mount(vite.middlewares, vite.httpServer, true),
  }
}

async function handle(state: MockState, sockets: WebSocketServer, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://mock')
  const finish = (status: number, body?: unknown, type = 'application/json'): void => {
    response.statusCode = status
    response.setHeader('content-type', type)
    response.end(body === undefined ? undefined : JSON.stringify(body))
  }
  try {
    const body = await readJson(request)
    const [status, document] = await answer({ state, method: request.method ?? 'GET', url, body, request, response })
    if (/cut_sockets|expire|reset|refuse_sockets/.test(url.pathname)) for (const socket of sockets.clients) socket.terminate()
    finish(status, document)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    if (error.retryAfter) response.setHeader('retry-after', String(error.retryAfter))
    const { status, code, details } = error
    finish(status, { type: `urn:yiti:problem:${code}`, title: code, status, code, detail: code, details }, 'application/problem+json')
  }
}

async function readJson(request: IncomingMessage): Promise<Record<string, unknown>> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  const text = Buffer.concat(parts).toString()
  return text ? (JSON.parse(text) as Record<string, unknown>) : {}
}

function acceptSockets(state: MockState, desks: Set<Desk>, sockets: WebSocketServer, server: Server): void {
  server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    if (!request.url?.startsWith('/desk/socket')) return
    const session = state.sessions.get(cookieOf(request))
    if (!session || state.refuseSockets) return void stream.destroy()
    sockets.handleUpgrade(request, stream, head, (socket) => {
      const desk: Desk = { socket, accountId: session.accountId, watched: new Set() }
      socket.on('message', (data) => receive(state, desks, desk, session.csrf, String(data)))
      socket.on('close', () => desks.delete(desk))
    })
  })
}

function receive(state: MockState, desks: Set<Desk>, desk: Desk, csrf: string, data: string): void {
  const frame = JSON.parse(data) as { t: string; csrf_token?: string; conversation_id?: string; after?: number }
  if (frame.t === 'hello' && frame.csrf_token !== csrf) return desk.socket.close(4401)
  if (frame.t === 'hello') {
    desks.add(desk)
    send(desk, { t: 'counts', counts: state.counts(desk.accountId) })
  } else if (frame.t === 'watch' && frame.conversation_id) {
    desk.watched.add(frame.conversation_id)
    const missed = state.conversations.get(frame.conversation_id)?.events.filter((ev) => ev.seq > (frame.after ?? 0))
    for (const ev of missed ?? []) send(desk, { t: 'ev', conversation_id: frame.conversation_id, ev })
  } else if (frame.t === 'unwatch' && frame.conversation_id) desk.watched.delete(frame.conversation_id)
  else if (frame.t === 'ping') send(desk, { t: 'pong' })
}

function send(desk: Desk, frame: object): void {
  if (desk.socket.readyState === desk.socket.OPEN) desk.socket.send(JSON.stringify(frame))
}
