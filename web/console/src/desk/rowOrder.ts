/** Which rows a view holds and in which order, the same as the server's, so that live rows land where a reload would. */
import type { Row, View } from '@/api/types'

export function belongsTo(row: Row, view: View, accountId: string): boolean {
  switch (view) {
    case 'queue':
      return row.owner.kind === 'queue'
    case 'mine':
      return row.owner.kind === 'agent' && row.owner.agent?.id === accountId
    case 'bot':
      return row.owner.kind === 'bot'
    case 'closed':
      return row.owner.kind === 'closed'
    case 'all':
      return true
  }
}

/** The queue: longest wait first. Everything else: latest change first. */
export function compareRows(view: View): (a: Row, b: Row) => number {
  if (view === 'queue') {
    return (a, b) =>
      compare(a.waiting_since ?? a.updated_at, b.waiting_since ?? b.updated_at) || compare(a.id, b.id)
  }
  return (a, b) => compare(b.updated_at, a.updated_at) || compare(b.id, a.id)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** A row that was overtaken by a newer one of the same conversation tells nothing. */
export function isStale(row: Row, known: Row | undefined): boolean {
  return known !== undefined && (row.last_seq < known.last_seq || row.token < known.token)
}
