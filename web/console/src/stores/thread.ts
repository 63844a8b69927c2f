/** The open conversation: its detail, its log, what is being sent, and the changes of owner made from here. */
import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'
import { api, isAborted } from '@/api/client'
import { Problem } from '@/api/problem'
import type { ConversationDetail, ConversationEvent, Handoff, Owner, Profile, Row } from '@/api/types'
import { contiguousSeq, mergeEvents } from '@/thread/eventLog'
import { newClientMsgId, reconcile, type Outgoing } from '@/thread/outgoing'
import { ownerOf } from '@/thread/timeline'
import { useSession } from './session'

const PAGE = 200
const DETAIL_REFRESH_MS = 150

export type OwnerAction = 'take' | 'handBack' | 'resolve' | 'toQueue'

export const useThread = defineStore('thread', () => {
  const session = useSession()
  const id = ref<string | null>(null)
  const conversation = shallowRef<Row | null>(null)
  const handoff = shallowRef<Handoff | null>(null)
  const customer = shallowRef<Profile | null>(null)
  const events = shallowRef<readonly ConversationEvent[]>([])
  const outgoing = shallowRef<Outgoing[]>([])
  const loading = ref(false)
  const loadingEarlier = ref(false)
  const error = shallowRef<unknown>(null)
  const busy = ref<OwnerAction | null>(null)
  /** Who was faster, after a lost race; null when there was none. */
  const lostTo = shallowRef<Owner | null>(null)
  /** A first sentence the agent chose from the packet, on its way to the composer. */
  const suggested = ref<string | null>(null)
  let leaving = new AbortController()
  let detailTimer: ReturnType<typeof setTimeout> | undefined

  const settled = ref(0)
  const lastSeq = computed(() => contiguousSeq(events.value, settled.value))
  const hasEarlier = computed(() => (events.value[0]?.seq ?? 1) > 1)
  const isMine = computed(
    () => conversation.value?.owner.kind === 'agent' && conversation.value.owner.agent?.id === session.account?.id,
  )
  const sending = computed(() => outgoing.value.filter((message) => message.conversationId === id.value))

  async function open(nextId: string): Promise<void> {
    close()
    id.value = nextId
    await load()
  }

  async function load(): Promise<void> {
    const wanted = id.value
    if (!wanted) return
    const { signal } = leaving
    loading.value = true
    error.value = null
    try {
      const detail = await api.conversation(wanted, signal)
      const after = Math.max(0, detail.conversation.last_seq - PAGE)
      const page = await api.events(wanted, after, PAGE + 50, signal)
      if (signal.aborted) return
      take(page.events)
      setDetail(detail)
    } catch (failure) {
      if (!isAborted(failure) && !signal.aborted) error.value = failure
    } finally {
      if (!signal.aborted) loading.value = false
    }
  }

  async function loadEarlier(): Promise<void> {
    const first = events.value[0]?.seq ?? 1
    if (!id.value || first <= 1 || loadingEarlier.value) return
    const { signal } = leaving
    loadingEarlier.value = true
    try {
      const after = Math.max(0, first - 1 - PAGE)
      const page = await api.events(id.value, after, first - 1 - after, signal)
      if (!signal.aborted) take(page.events)
    } catch (failure) {
      if (!isAborted(failure)) throw failure
    } finally {
      loadingEarlier.value = false
    }
  }

  /** Read what was missed since the last event without a hole. */
  async function catchUp(): Promise<void> {
    if (!id.value || error.value) return load()
    const { signal } = leaving
    const wanted = id.value
    try {
      for (let more = true; more; ) {
        const page = await api.events(wanted, lastSeq.value, PAGE, signal)
        if (signal.aborted) return
        take(page.events)
        settled.value = Math.max(settled.value, page.events[page.events.length - 1]?.seq ?? 0)
        more = page.events.length >= PAGE
      }
      await refreshDetail()
    } catch (failure) {
      if (!isAborted(failure) && !(failure instanceof Problem && failure.isOffline)) error.value = failure
    }
  }

  async function refreshDetail(): Promise<void> {
    clearTimeout(detailTimer)
    if (!id.value) return
    const { signal } = leaving
    const detail = await api.conversation(id.value, signal)
    if (!signal.aborted) setDetail(detail)
  }

  function setDetail(detail: ConversationDetail): void {
    applyRow(detail.conversation)
    handoff.value = detail.handoff
    customer.value = detail.customer
  }

  /** A live event of this conversation. */
  function applyEvent(conversationId: string, event: ConversationEvent): void {
    if (conversationId !== id.value) return
    const before = events.value
    take([event])
    if (events.value === before) return
    if (lastSeq.value < event.seq) void catchUp()
    if (event.type === 'owner_changed') adoptOwner(event.data.token, ownerOf(event.data))
    if (['handoff_opened', 'owner_changed', 'customer_linked'].includes(event.type)) refreshDetailSoon()
  }

  function applyRow(row: Row): void {
    if (row.id !== id.value) return
    const known = conversation.value
    if (known && (row.token < known.token || row.last_seq < known.last_seq)) return
    conversation.value = row
  }

  function adoptOwner(token: number, owner: Owner): void {
    const known = conversation.value
    if (known && token > known.token) conversation.value = { ...known, token, owner }
  }

  function take(incoming: readonly ConversationEvent[]): void {
    const merged = mergeEvents(events.value, incoming)
    if (merged === events.value) return
    events.value = merged
    if (outgoing.value.length) outgoing.value = reconcile(outgoing.value, incoming)
  }

  function say(text: string): void {
    if (!id.value) return
    const message: Outgoing = {
      clientMsgId: newClientMsgId(),
      conversationId: id.value,
      text,
      at: new Date().toISOString(),
      state: 'sending',
      problem: null,
    }
    outgoing.value = [...outgoing.value, message]
    void post(message)
  }

  /** Try again under the same client id, so that a message that did arrive is not said twice. */
  function retry(clientMsgId: string): void {
    const message = outgoing.value.find((known) => known.clientMsgId === clientMsgId)
    if (!message) return
    const again: Outgoing = { ...message, state: 'sending', problem: null }
    replace(again)
    void post(again)
  }

  function discard(clientMsgId: string): void {
    outgoing.value = outgoing.value.filter((message) => message.clientMsgId !== clientMsgId)
  }

  async function post(message: Outgoing): Promise<void> {
    const token = conversation.value?.token ?? 0
    try {
      const { text, conversationId } = message
      await api.say(conversationId, { client_msg_id: message.clientMsgId, token, text })
      if (conversationId === id.value) void catchUpQuietly(message.clientMsgId)
      else discard(message.clientMsgId)
    } catch (failure) {
      const problem = failure instanceof Problem ? failure : new Problem(0, 'unexpected', '')
      replace({ ...message, state: 'failed', problem })
      if (problem.code === 'owner_changed') await noteLostRace(problem)
    }
  }

  /** The socket normally shows the message first; ask only when it has not. */
  async function catchUpQuietly(wanted: string): Promise<void> {
    if (outgoing.value.some((message) => message.clientMsgId === wanted)) await catchUp()
  }

  function replace(message: Outgoing): void {
    outgoing.value = outgoing.value.map((known) => (known.clientMsgId === message.clientMsgId ? message : known))
  }

  async function note(text: string): Promise<void> {
    if (!id.value) return
    await api.note(id.value, text)
    await catchUp()
  }

  /** Change the owner. A lost race is not thrown: `lostTo` says who has it. */
  async function act(action: OwnerAction, text?: string): Promise<boolean> {
    const row = conversation.value
    if (!row || busy.value) return false
    busy.value = action
    lostTo.value = null
    try {
      await request(action, row, text)
      if (row.id === id.value) await catchUp()
      return true
    } catch (failure) {
      if (!(failure instanceof Problem) || failure.code !== 'owner_changed') throw failure
      await noteLostRace(failure)
      return false
    } finally {
      busy.value = null
    }
  }

  async function noteLostRace(problem: Problem): Promise<void> {
    await catchUp()
    lostTo.value = conversation.value?.owner ?? problem.owner
  }

  function dismissLostRace(): void {
    lostTo.value = null
  }

  function refreshDetailSoon(): void {
    clearTimeout(detailTimer)
    detailTimer = setTimeout(() => {
      refreshDetail().catch(() => undefined) // the next event or reconnect asks again
    }, DETAIL_REFRESH_MS)
  }

  function close(): void {
    leaving.abort()
    leaving = new AbortController()
    clearTimeout(detailTimer)
    id.value = null
    conversation.value = null
    handoff.value = null
    customer.value = null
    events.value = []
    settled.value = 0
    outgoing.value = outgoing.value.filter((message) => message.state === 'failed')
    error.value = null
    lostTo.value = null
    busy.value = null
    loading.value = false
    loadingEarlier.value = false
  }

  return {
    id, conversation, handoff, customer, events, sending, outgoing, loading, loadingEarlier, error, busy, lostTo, suggested,
    lastSeq, hasEarlier, isMine,
    open, load, close, loadEarlier, catchUp, applyEvent, applyRow, say, retry, discard, note, act, dismissLostRace,
  }
})

async function request(action: OwnerAction, row: Row, text?: string): Promise<unknown> {
  switch (action) {
    case 'take':
      return api.take(row.id, row.token)
    case 'handBack':
      return api.handBack(row.id, row.token, text)
    case 'resolve':
      return api.resolve(row.id, row.token)
    case 'toQueue':
      return api.toQueue(row.id, row.token, text)
  }
}
