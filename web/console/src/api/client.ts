/** Every HTTP call the console makes, typed; the only place that knows paths, the CSRF header and problems. */
import { offline, Problem, problemOf } from './problem'
import type {
  Account,
  ConversationDetail,
  EventPage,
  Posted,
  Role,
  RowPage,
  Session,
  View,
} from './types'

export interface NewAccount {
  login: string
  name: string
  roles: Role[]
}
export interface AccountChange {
  name?: string
  roles?: Role[]
  enabled?: boolean
  reset_password?: boolean
}
export interface AccountCredentials {
  account: Account
  one_time_password: string | null
}
export interface RowQuery {
  view: View
  q?: string
  cursor?: string | null
  limit?: number
}

const UNSAFE = new Set(['POST', 'PATCH', 'PUT', 'DELETE'])
const SIGN_IN_CODES = new Set(['bad_credentials'])

export class ApiClient {
  private csrfToken = ''
  /** Called when a call finds that the session has ended. */
  onSessionLost: () => void = () => undefined

  constructor(private readonly fetcher: typeof fetch = (...args) => fetch(...args)) {}

  get csrf(): string {
    return this.csrfToken
  }

  async signIn(login: string, password: string): Promise<Session> {
    return this.keepToken(await this.call<Session>('POST', '/api/session', { login, password }))
  }

  /** The present session, or null when nobody is signed in. */
  async session(): Promise<Session | null> {
    try {
      return this.keepToken(await this.call<Session>('GET', '/api/session', undefined, undefined, true))
    } catch (error) {
      if (error instanceof Problem && error.status === 401) return null
      throw error
    }
  }

  async signOut(): Promise<void> {
    await this.call('DELETE', '/api/session', undefined, undefined, true)
    this.csrfToken = ''
  }

  /** Replaces the password; the server opens a fresh session and ends every other one. */
  async changePassword(current: string, next: string): Promise<Session> {
    return this.keepToken(await this.call<Session>('POST', '/api/session/password', { current, new: next }))
  }

  async accounts(signal?: AbortSignal): Promise<Account[]> {
    const answer = await this.call<{ items: Account[] }>('GET', '/api/accounts', undefined, signal)
    return answer.items
  }

  createAccount(account: NewAccount): Promise<AccountCredentials> {
    return this.call('POST', '/api/accounts', account)
  }

  changeAccount(id: string, change: AccountChange): Promise<AccountCredentials> {
    return this.call('PATCH', `/api/accounts/${encodeURIComponent(id)}`, change)
  }

  rows(query: RowQuery, signal?: AbortSignal): Promise<RowPage> {
    const params = new URLSearchParams({ view: query.view, limit: String(query.limit ?? 50) })
    if (query.q) params.set('q', query.q)
    if (query.cursor) params.set('cursor', query.cursor)
    return this.call('GET', `/desk/conversations?${params}`, undefined, signal)
  }

  conversation(id: string, signal?: AbortSignal): Promise<ConversationDetail> {
    return this.call('GET', conversationPath(id), undefined, signal)
  }

  events(id: string, after: number, limit: number, signal?: AbortSignal): Promise<EventPage> {
    return this.call('GET', `${conversationPath(id)}/events?after=${after}&limit=${limit}`, undefined, signal)
  }

  take(id: string, token: number): Promise<ConversationDetail> {
    return this.call('POST', `${conversationPath(id)}/assignment`, { token })
  }

  say(id: string, message: { client_msg_id: string; token: number; text: string }): Promise<Posted> {
    return this.call('POST', `${conversationPath(id)}/messages`, message)
  }

  note(id: string, text: string): Promise<unknown> {
    return this.call('POST', `${conversationPath(id)}/notes`, { text })
  }

  handBack(id: string, token: number, note?: string): Promise<unknown> {
    return this.call('POST', `${conversationPath(id)}/handback`, withNote(token, note))
  }

  resolve(id: string, token: number): Promise<unknown> {
    return this.call('POST', `${conversationPath(id)}/resolution`, { token })
  }

  toQueue(id: string, token: number, note?: string): Promise<unknown> {
    return this.call('POST', `${conversationPath(id)}/queue`, withNote(token, note))
  }

  private keepToken(session: Session): Session {
    this.csrfToken = session.csrf_token
    return session
  }

  private async call<T>(
    method: string,
    path: string,
    body?: unknown,
    signal?: AbortSignal,
    quietly = false,
  ): Promise<T> {
    const response = await this.reach(path, {
      method,
      credentials: 'same-origin',
      headers: {
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(UNSAFE.has(method) ? { 'x-csrf-token': this.csrfToken } : {}),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
    })
    if (response.ok) return (response.status === 204 ? undefined : await response.json()) as T
    const problem = await problemOf(response)
    if (problem.status === 401 && !quietly && !SIGN_IN_CODES.has(problem.code)) this.onSessionLost()
    throw problem
  }

  private async reach(path: string, init: RequestInit): Promise<Response> {
    try {
      return await this.fetcher(path, init)
    } catch (error) {
      if (error instanceof DOMException && error.name === 'AbortError') throw error
      throw offline()
    }
  }
}

/** Says that a call was given up because its page was left; nothing to tell anybody. */
export function isAborted(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError'
}

export const api = new ApiClient()

function conversationPath(id: string): string {
  return `/desk/conversations/${encodeURIComponent(id)}`
}

function withNote(token: number, note?: string): { token: number; note?: string } {
  return note ? { token, note } : { token }
}
