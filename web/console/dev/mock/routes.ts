/** The mock server's answers: the console interface of the contract, and /mock/… by which tests steer it. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Owner, Role, View } from '../../src/api/types'
import { ago } from './seed'
import { type MockAccount, type MockConversation, type MockState, newId } from './state'

const ONE_TIME = 'frog-lamp-72-quiet'
const MAX_FAILED = 5

export class Refusal extends Error {
  constructor(readonly status: number, readonly code: string, readonly details: object = {}, readonly retryAfter = 0) {
    super(code)
  }
}

interface Call {
  state: MockState
  method: string
  url: URL
  body: Record<string, unknown>
  request: IncomingMessage
  response: ServerResponse
}
type Answer = [status: number, body?: unknown]

export function cookieOf(request: IncomingMessage): string {
  return /yiti_session=([0-9a-f]+)/.exec(request.headers.cookie ?? '')?.[1] ?? ''
}

export async function answer(call: Call): Promise<Answer> {
  const path = call.url.pathname
  if (path.startsWith('/mock/')) return steer(call, path.slice('/mock/'.length))
  await applyFaults(call)
  if (path === '/api/session' && call.method === 'POST') return signIn(call)
  const session = call.state.sessions.get(cookieOf(call.request))
  const account = session && call.state.account(session.accountId)
  if (!session || !account) throw new Refusal(401, 'unauthenticated')
  if (call.method !== 'GET' && call.request.headers['x-csrf-token'] !== session.csrf) throw new Refusal(403, 'bad_csrf_token')
  if (path.startsWith('/api/session')) return ownSession(call, account, session.csrf)
  if (account.must_change_password) throw new Refusal(403, 'password_change_required')
  if (path.startsWith('/api/accounts')) return manageAccounts(call, account)
  return desk(call, account)
}

async function applyFaults({ state, method, url }: Call): Promise<void> {
  const fault = state.faults.find((f) => f.times > 0 && f.method === method && new RegExp(f.path).test(url.pathname))
  if (!fault) return
  fault.times -= 1
  await new Promise((resolve) => setTimeout(resolve, fault.delay_ms))
  if (fault.status) throw new Refusal(fault.status, fault.code)
}

function open(state: MockState, response: ServerResponse, account: MockAccount): Answer {
  const [id, csrf] = [newId(), newId()]
  state.sessions.set(id, { accountId: account.id, csrf })
  response.setHeader('set-cookie', `yiti_session=${id}; Path=/; HttpOnly; SameSite=Strict`)
  return [200, { account: state.signedIn(account), csrf_token: csrf }]
}

function signIn({ state, body, response }: Call): Answer {
  if (state.nFailedSignIns >= MAX_FAILED) throw new Refusal(429, 'too_many_sign_ins', {}, 30)
  const account = state.accounts.find((a) => a.login === body['login'] && a.password === body['password'] && a.enabled)
  if (!account) {
    state.nFailedSignIns += 1
    throw new Refusal(401, 'bad_credentials')
  }
  return open(state, response, account)
}

function ownSession({ state, method, url, body, request, response }: Call, account: MockAccount, csrf: string): Answer {
  if (url.pathname.endsWith('/password')) {
    if (body['current'] !== account.password) throw new Refusal(403, 'wrong_password')
    if (String(body['new']).length < 10) throw new Refusal(400, 'password_unfit')
    Object.assign(account, { password: String(body['new']), must_change_password: false })
    state.sessions.delete(cookieOf(request))
    return open(state, response, account)
  }
  if (method === 'DELETE') {
    state.sessions.delete(cookieOf(request))
    return [204]
  }
  return [200, { account: state.signedIn(account), csrf_token: csrf }]
}

function manageAccounts({ state, method, url, body }: Call, caller: MockAccount): Answer {
  if (!caller.roles.includes('administrator')) throw new Refusal(403, 'permission_missing')
  const shown = (account: MockAccount): object => ({ ...account, password: undefined })
  if (method === 'GET') return [200, { items: state.accounts.map(shown) }]
  if (method === 'POST') {
    const login = String(body['login']).toLowerCase()
    if (state.accounts.some((a) => a.login === login)) throw new Refusal(409, 'login_taken')
    const made: MockAccount = {
      id: newId(), login, name: String(body['name']), roles: body['roles'] as Role[], enabled: true,
      must_change_password: true, password: ONE_TIME, created_at: ago(0), last_sign_in_at: null,
    }
    state.accounts.push(made)
    return [201, { account: shown(made), one_time_password: ONE_TIME }]
  }
  const account = state.account(url.pathname.split('/')[3] ?? '')
  if (!account) throw new Refusal(404, 'account_not_found')
  const { reset_password, ...changes } = body
  const after = { ...account, ...changes }
  const administrators = state.accounts.map((a) => (a.id === account.id ? after : a)).filter((a) => a.enabled && a.roles.includes('administrator'))
  if (!administrators.length) throw new Refusal(409, 'last_administrator')
  Object.assign(account, changes, reset_password ? { password: ONE_TIME, must_change_password: true } : {})
  return [200, { account: shown(account), one_time_password: reset_password ? ONE_TIME : null }]
}

function desk({ state, method, url, body }: Call, account: MockAccount): Answer {
  const [, , , id, what] = url.pathname.split('/')
  if (!id) return listRows(state, url, account)
  const conversation = state.conversations.get(id)
  if (!conversation) throw new Refusal(404, 'conversation_not_found')
  if (method === 'GET' && !what) return detail(conversation)
  if (method === 'GET') {
    const after = Number(url.searchParams.get('after') ?? 0)
    const limit = Number(url.searchParams.get('limit') ?? 500)
    const events = conversation.events.filter((event) => event.seq > after).slice(0, limit)
    return [200, { events, last_seq: conversation.row.last_seq }]
  }
  if (!account.roles.some((role) => role !== 'trainer')) throw new Refusal(403, 'permission_missing')
  return change(state, conversation, what ?? '', body, account)
}

function listRows(state: MockState, url: URL, account: MockAccount): Answer {
  const view = (url.searchParams.get('view') ?? 'queue') as View
  const start = Number(url.searchParams.get('cursor') ?? 0)
  const limit = Number(url.searchParams.get('limit') ?? 50)
  const all = state.list(view, url.searchParams.get('q') ?? '', account.id)
  const next_cursor = start + limit < all.length ? String(start + limit) : null
  return [200, { items: all.slice(start, start + limit), next_cursor, counts: state.counts(account.id) }]
}

function detail(c: MockConversation): Answer {
  return [200, { conversation: c.row, handoff: c.handoff, customer: c.customer }]
}

function change(state: MockState, c: MockConversation, what: string, body: Record<string, unknown>, by: MockAccount): Answer {
  const author = { kind: 'agent' as const, id: by.id, name: by.name }
  if (what === 'notes') {
    const event = state.append(c, 'note', { text: String(body['text']), author })
    return [201, { seq: event.seq }]
  }
  if (what === 'messages') {
    const known = c.events.find((e) => e.type === 'message' && e.data.client_msg_id === body['client_msg_id'])
    if (known?.type === 'message') return [201, { message_id: known.data.message_id, seq: known.seq }]
  }
  if (body['token'] !== c.row.token) throw new Refusal(409, 'owner_changed', { owner: c.row.owner })
  if (what === 'messages') {
    if (c.row.owner.agent?.id !== by.id) throw new Refusal(409, 'owner_changed', { owner: c.row.owner })
    const message_id = newId()
    const said = state.append(c, 'message', {
      message_id, author, kind: 'text', text: String(body['text']), client_msg_id: String(body['client_msg_id']), state: 'sent',
    })
    return [201, { message_id, seq: said.seq }]
  }
  const targets: Record<string, Owner> = {
    assignment: { kind: 'agent', agent: { id: by.id, name: by.name } },
    handback: { kind: 'bot' }, resolution: { kind: 'closed' }, queue: { kind: 'queue' },
  }
  const to = targets[what]
  if (!to) throw new Refusal(404, 'not_found')
  if (body['note']) state.append(c, 'note', { text: String(body['note']), author })
  state.changeOwner(c, to, what)
  if (what === 'resolution') state.append(c, 'closed', {})
  if (c.handoff && what === 'assignment') {
    c.handoff = { ...c.handoff, state: 'active', taken_at: ago(0), agent: { id: by.id, name: by.name } }
  }
  return detail(c)
}

function steer({ state, body }: Call, what: string): Answer {
  const conversation = state.conversations.get(String(body['conversation_id'] ?? ''))
  if (what === 'reset') state.reset(Number(body['bulk'] ?? 0))
  else if (what === 'fault') state.faults.push({ status: 0, code: '', times: 1, delay_ms: 0, ...body } as never)
  else if (what === 'expire') state.sessions.clear()
  else if (what === 'refuse_sockets') state.refuseSockets = Boolean(body['on'])
  else if (what === 'arrive') arrive(state, String(body['name'] ?? 'Somebody'))
  else if (what === 'say' && conversation) {
    const author = { kind: (body['author'] as 'customer' | 'bot') ?? 'customer' }
    state.append(conversation, 'message', { message_id: newId(), author, kind: 'text', text: String(body['text']), state: 'received' })
  } else if (what === 'take' && conversation) {
    const agent = state.account(String(body['account_id']))
    if (agent) state.changeOwner(conversation, { kind: 'agent', agent: { id: agent.id, name: agent.name } }, 'assignment')
  } else if (what !== 'cut_sockets') throw new Refusal(404, 'not_found')
  return [200, {}]
}

function arrive(state: MockState, name: string): void {
  const id = newId()
  const c = state.add(
    {
      id, channel: 'wechat', owner: { kind: 'bot' }, token: 1, last_seq: 0, updated_at: ago(0), unread: 1, mood: -0.1,
      customer: { id: null, name, verified: false, tier: null, language: 'zh' },
    },
    null,
  )
  state.append(c, 'message', { message_id: newId(), author: { kind: 'customer' }, kind: 'text', text: '请问有人吗', state: 'received' })
  const reason = { code: 'customer_asked', evidence: '请问有人吗', said_by: 'customer' }
  state.openHandoff(c, { id: newId(), state: 'waiting', reason, created_at: ago(0), packet: { reason } })
}
