import { describe, expect, it, vi } from 'vitest'
import { ApiClient } from '@/api/client'
import { asOwner, Problem } from '@/api/problem'
import { en } from '@/i18n/en'
import { i18n, setLocale } from '@/i18n'
import { problemText, word } from '@/i18n/words'
import { zhCN } from '@/i18n/zh-CN'
import { safeNext } from '@/router'

function answering(status: number, body: unknown, headers: Record<string, string> = {}): { api: ApiClient; calls: [string, RequestInit][] } {
  const calls: [string, RequestInit][] = []
  const api = new ApiClient((path, init) => {
    calls.push([String(path), init ?? {}])
    return Promise.resolve(new Response(status === 204 ? null : JSON.stringify(body), { status, headers }))
  })
  return { api, calls }
}

describe('the client', () => {
  it('shows the CSRF token of the session with every change', async () => {
    const { api, calls } = answering(200, { account: {}, csrf_token: 'token-1' })

    await api.signIn('ada', 'secret')
    await api.take('c/1', 7)

    expect(calls[1]?.[0]).toBe('/desk/conversations/c%2F1/assignment')
    expect(calls[1]?.[1].headers).toMatchObject({ 'x-csrf-token': 'token-1', 'content-type': 'application/json' })
    expect(calls[1]?.[1].body).toBe('{"token":7}')
  })

  it('makes a problem of a refusal, with who won a race', async () => {
    const owner = { kind: 'agent', agent: { id: 'a', name: 'Ada' } }
    const { api } = answering(409, { code: 'owner_changed', detail: 'late', details: { owner, token: 4 } })

    const problem = await api.take('c', 1).catch((error: unknown) => error)

    expect(problem).toBeInstanceOf(Problem)
    expect(problem).toMatchObject({ status: 409, code: 'owner_changed', owner })
  })

  it('reads how long to wait', async () => {
    const { api } = answering(429, { code: 'too_many_sign_ins' }, { 'retry-after': '30' })

    await expect(api.signIn('a', 'b')).rejects.toMatchObject({ retryAfterS: 30 })
  })

  it('tells of a lost session, but not when signing in or asking who is there', async () => {
    const { api } = answering(401, { code: 'session_expired' })
    api.onSessionLost = vi.fn()

    expect(await api.session()).toBeNull()
    expect(api.onSessionLost).not.toHaveBeenCalled()
    await expect(api.accounts()).rejects.toMatchObject({ status: 401 })
    expect(api.onSessionLost).toHaveBeenCalledOnce()
  })

  it('says offline when nothing answers, and passes a given-up call on', async () => {
    const api = new ApiClient(() => Promise.reject(new TypeError('failed')))
    const left = new ApiClient(() => Promise.reject(new DOMException('left', 'AbortError')))

    await expect(api.accounts()).rejects.toMatchObject({ isOffline: true })
    await expect(left.accounts()).rejects.toMatchObject({ name: 'AbortError' })
  })

  it('reads an owner in both of its forms', () => {
    expect(asOwner('agent:a-1')).toEqual({ kind: 'agent', agent: { id: 'a-1' } })
    expect(asOwner('queue')).toEqual({ kind: 'queue' })
    expect(asOwner('nobody')).toBeNull()
  })
})

describe('words', () => {
  it('say every problem in both languages', () => {
    setLocale('zh-CN')
    expect(problemText(new Problem(429, 'too_many_sign_ins', '', {}, 12))).toContain('12')
    expect(problemText(new Problem(418, 'unheard_of', 'A teapot.'))).toBe('A teapot.')
    setLocale('en')
    expect(problemText(new Problem(502, 'http_502', ''))).toBe(en.problems.status_502)
    expect(problemText(new Problem(400, 'bad_login', ''))).toContain('@')
  })

  it('leave an unknown code readable', () => {
    expect(word('slots', 'gift_card_number')).toBe('gift card number')
  })

  it('are the same set in both languages, with the same blanks', () => {
    const flat = (messages: object, path = ''): [string, string][] =>
      Object.entries(messages).flatMap(([key, value]) => (typeof value === 'string' ? [[`${path}${key}`, value]] : flat(value as object, `${path}${key}.`)))
    const blanks = (text: string): string[] => (text.match(/\{\w+\}/g) ?? []).sort()
    const chinese = new Map(flat(zhCN))

    for (const [key, text] of flat(en)) {
      expect([key, blanks(chinese.get(key) ?? '')]).toEqual([key, blanks(text)])
      expect(() => i18n.global.t(key)).not.toThrow()
    }
    expect(chinese.size).toBe(flat(en).length)
  })
})

describe('the way back after signing in', () => {
  it('leads only to the console’s own pages', () => {
    expect(safeNext('/desk/c-1?view=mine')).toBe('/desk/c-1?view=mine')
    for (const foreign of ['https://x.example', '//x.example', '/\\x.example', undefined, '/sign-in?next=/desk']) {
      expect(safeNext(foreign)).toBe('/desk')
    }
  })
})
