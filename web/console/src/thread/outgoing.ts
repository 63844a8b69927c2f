/** Messages the agent has sent that the log does not show yet: sending, refused, or kept for another try. */
import type { ConversationEvent } from '@/api/types'
import type { Problem } from '@/api/problem'

export interface Outgoing {
  clientMsgId: string
  conversationId: string
  text: string
  at: string
  state: 'sending' | 'failed'
  problem: Problem | null
}

/** Drop what the log now shows; the client's id ties the two together, whatever way the event came. */
export function reconcile(outgoing: readonly Outgoing[], events: readonly ConversationEvent[]): Outgoing[] {
  const shown = new Set<string>()
  for (const event of events) {
    if (event.type === 'message' && event.data.client_msg_id) shown.add(event.data.client_msg_id)
  }
  return outgoing.filter((message) => !shown.has(message.clientMsgId))
}

/** A random id of 128 bits; `crypto.randomUUID` is missing on pages served without TLS. */
export function newClientMsgId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
