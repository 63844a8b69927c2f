/** Calls the agent's attention when they look elsewhere: a short sound and a browser notification, both opt-in. */
import { onBeforeUnmount, onMounted } from 'vue'
import { useI18n } from 'vue-i18n'
import { useRouter } from 'vue-router'
import type { Row } from '@/api/types'
import { word } from '@/i18n/words'
import { useDesk } from '@/stores/desk'
import { usePreferences } from '@/stores/preferences'
import { useSession } from '@/stores/session'

/** Ask the browser once; false when it does not allow notifications. */
export async function mayNotify(): Promise<boolean> {
  if (!('Notification' in window)) return false
  if (Notification.permission === 'default') return (await Notification.requestPermission()) === 'granted'
  return Notification.permission === 'granted'
}

/** What a changed row asks of the agent: somebody new waits, or their own customer wrote. */
export function attention(row: Row, before: Row | undefined, accountId: string): 'waiting' | 'message' | null {
  if (row.owner.kind === 'queue') return before?.owner.kind === 'queue' || isOld(row) ? null : 'waiting'
  const isMine = row.owner.kind === 'agent' && row.owner.agent?.id === accountId
  const isNew = row.last_message?.author_kind === 'customer' && row.last_message.at !== before?.last_message?.at
  return isMine && before && isNew ? 'message' : null
}

/** A row of the queue that is merely touched again, seen for the first time by this page. */
function isOld(row: Row): boolean {
  return Date.now() - Date.parse(row.waiting_since ?? row.updated_at) > 15_000
}

export function useAlerts(): void {
  const { t } = useI18n()
  const desk = useDesk()
  const session = useSession()
  const preferences = usePreferences()
  const router = useRouter()
  const known = new Map<string, Row>()
  let stop: () => void = () => undefined

  function call(row: Row, before: Row | undefined): void {
    const what = attention(row, known.get(row.id) ?? before, session.account?.id ?? '')
    known.set(row.id, row)
    if (!what) return
    if (preferences.sound) chime()
    if (preferences.notices && document.hidden) show(row, what)
  }

  function show(row: Row, what: 'waiting' | 'message'): void {
    if (!('Notification' in window) || Notification.permission !== 'granted') return
    const name = row.customer.name ?? t('desk.visitor')
    // The text of the customer stays out of the notification: other people see the screen.
    const notice = new Notification(t(`alerts.${what}Title`, { name }), { body: word('reasons', row.reason?.code), tag: row.id })
    notice.onclick = () => {
      window.focus()
      void router.push({ name: 'desk', params: { conversationId: row.id } })
    }
  }

  onMounted(() => (stop = desk.onRow(call)))
  onBeforeUnmount(() => stop())
}

/** Two soft tones, made here so that no sound file is needed. */
function chime(): void {
  const context = new AudioContext()
  for (const [index, frequency] of [660, 880].entries()) {
    const start = context.currentTime + index * 0.14
    const tone = context.createOscillator()
    const volume = context.createGain()
    tone.frequency.value = frequency
    volume.gain.setValueAtTime(0, start)
    volume.gain.linearRampToValueAtTime(0.12, start + 0.02)
    volume.gain.exponentialRampToValueAtTime(0.001, start + 0.35)
    tone.connect(volume).connect(context.destination)
    tone.start(start)
    tone.stop(start + 0.4)
    if (index) tone.onended = () => void context.close()
  }
}
