/** What was typed and not sent, per conversation and kind, kept in the browser until it is sent or the user signs out. */
import { defineStore } from 'pinia'
import { ref } from 'vue'

export type DraftKind = 'reply' | 'note'
const KEY = 'yiti.console.drafts'
const MAX_DRAFTS = 200

export const useDrafts = defineStore('drafts', () => {
  const drafts = ref<Record<string, string>>(read())

  function get(conversationId: string, kind: DraftKind): string {
    return drafts.value[`${conversationId}/${kind}`] ?? ''
  }

  function set(conversationId: string, kind: DraftKind, text: string): void {
    const key = `${conversationId}/${kind}`
    const others = Object.entries(drafts.value).filter(([known]) => known !== key)
    const kept = others.slice(-(MAX_DRAFTS - 1))
    drafts.value = Object.fromEntries(text ? [...kept, [key, text]] : kept)
    write(drafts.value)
  }

  function has(conversationId: string): boolean {
    return get(conversationId, 'reply') !== '' || get(conversationId, 'note') !== ''
  }

  function clear(): void {
    drafts.value = {}
    write({})
  }

  return { get, set, has, clear }
})

function read(): Record<string, string> {
  try {
    const saved: unknown = JSON.parse(localStorage.getItem(KEY) ?? '{}')
    return typeof saved === 'object' && saved !== null ? (saved as Record<string, string>) : {}
  } catch {
    return {}
  }
}

function write(drafts: Record<string, string>): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(drafts))
  } catch {
    // Storage refused: the drafts live as long as the page.
  }
}
