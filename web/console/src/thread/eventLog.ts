/** The open conversation's events in the order of their sequence numbers, each once. */
import type { ConversationEvent } from '@/api/types'

/**
 * Merge events into a sorted log; an event whose seq is known already changes nothing.
 * Returns the same array when there is nothing new, so that nobody redraws for a repetition.
 */
export function mergeEvents(
  known: readonly ConversationEvent[],
  incoming: readonly ConversationEvent[],
): readonly ConversationEvent[] {
  const seen = new Set(known.map((event) => event.seq))
  const fresh: ConversationEvent[] = []
  for (const event of incoming) {
    if (seen.has(event.seq)) continue
    seen.add(event.seq)
    fresh.push(event)
  }
  if (!fresh.length) return known
  const last = known[known.length - 1]
  fresh.sort((a, b) => a.seq - b.seq)
  if (!last || (fresh[0] as ConversationEvent).seq > last.seq) return [...known, ...fresh]
  return [...known, ...fresh].sort((a, b) => a.seq - b.seq)
}

/**
 * The highest seq up to which the log has no hole, counting from its first event, or from `settled`: up to there
 * the server was asked and has said all it has. 0 when the log is empty.
 */
export function contiguousSeq(events: readonly ConversationEvent[], settled = 0): number {
  let reached = Math.max(events[0]?.seq ?? 0, settled)
  for (const event of events) {
    if (event.seq <= reached) continue
    if (event.seq !== reached + 1) break
    reached = event.seq
  }
  return reached
}
