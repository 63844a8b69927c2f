/** A failed call as one error type: what the server said (RFC 9457), or that it could not be reached. */
import type { Owner } from './types'

export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly details: Record<string, unknown> = {},
    readonly retryAfterS: number | null = null,
  ) {
    super(detail || code)
    this.name = 'Problem'
  }

  get isOffline(): boolean {
    return this.status === 0
  }

  /** The owner named in a lost race, when the server named one. */
  get owner(): Owner | null {
    return asOwner(this.details['owner'])
  }
}

export async function problemOf(response: Response): Promise<Problem> {
  let document: Record<string, unknown> = {}
  try {
    const parsed: unknown = await response.json()
    if (isRecord(parsed)) document = parsed
  } catch {
    // A proxy's HTML error page: the status alone says what is known.
  }
  const nested = isRecord(document['details']) ? document['details'] : {}
  return new Problem(
    response.status,
    text(document['code']) || `http_${response.status}`,
    text(document['detail']) || text(document['title']),
    { ...document, ...nested },
    retryAfter(response.headers.get('retry-after'), document['retry_after_s']),
  )
}

export function offline(): Problem {
  return new Problem(0, 'offline', 'The server cannot be reached.')
}

/** Accepts both forms an owner travels in: an object, or the record's own words such as "agent:<id>". */
export function asOwner(value: unknown): Owner | null {
  if (typeof value === 'string') {
    if (value.startsWith('agent:')) return { kind: 'agent', agent: { id: value.slice('agent:'.length) } }
    return value === 'bot' || value === 'queue' || value === 'closed' ? { kind: value } : null
  }
  return isRecord(value) && typeof value['kind'] === 'string' ? (value as unknown as Owner) : null
}

function retryAfter(header: string | null, field: unknown): number | null {
  const seconds = Number(header ?? field ?? NaN)
  return Number.isFinite(seconds) && seconds >= 0 ? Math.ceil(seconds) : null
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
