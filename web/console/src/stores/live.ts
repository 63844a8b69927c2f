/** The live connection in the stores' terms: rows to the list, events to the open conversation, resync after a cut. */
import { defineStore } from 'pinia'
import { ref } from 'vue'
import { api } from '@/api/client'
import { DeskSocket, type SocketState } from '@/api/deskSocket'
import { useDesk } from './desk'
import { useSession } from './session'
import { useThread } from './thread'

export const useLive = defineStore('live', () => {
  const session = useSession()
  const desk = useDesk()
  const thread = useThread()
  const state = ref<SocketState>('idle')
  const retryAt = ref<number | null>(null)
  /** True from a cut until the connection stands again; the first moment of a page is no alarm. */
  const troubled = ref(false)

  const socket = new DeskSocket(
    { url: () => `${location.origin.replace(/^http/, 'ws')}/desk/socket`, csrf: () => api.csrf },
    {
      onState(next, at) {
        state.value = next
        troubled.value = next === 'waiting' || (next === 'connecting' && troubled.value)
        retryAt.value = at
      },
      onLive(again) {
        if (!again) return
        void desk.refresh()
        if (thread.id) void thread.catchUp()
      },
      onRow(row) {
        desk.applyRow(row)
        thread.applyRow(row)
      },
      onCounts: (counts) => desk.applyCounts(counts),
      onEvent: (conversationId, event) => thread.applyEvent(conversationId, event),
      onLost: () => void checkSession(),
    },
  )

  function start(): void {
    socket.start()
    window.addEventListener('online', retryNow)
  }

  function stop(): void {
    window.removeEventListener('online', retryNow)
    socket.stop()
  }

  /** A cut may mean that the session is over; asking also brings the present CSRF token for the next attempt. */
  async function checkSession(): Promise<void> {
    try {
      if (!(await api.session())) session.lose()
    } catch {
      // Not reached: the next attempt will tell.
    }
  }

  function retryNow(): void {
    socket.retryNow()
  }

  return {
    state, retryAt, troubled, start, stop, retryNow,
    watch: (id: string) => socket.watch(id, () => thread.lastSeq),
    unwatch: (id: string) => socket.unwatch(id),
  }
})
