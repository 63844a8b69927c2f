/** The keyboard shortcuts: which keys, and who answers them at the moment. */
import { onBeforeUnmount, onMounted } from 'vue'

export const SHORTCUTS = {
  take: { keys: ['Alt', 'T'], code: 'KeyT' },
  handBack: { keys: ['Alt', 'B'], code: 'KeyB' },
  resolve: { keys: ['Alt', 'E'], code: 'KeyE' },
  next: { keys: ['Alt', 'J'], code: 'KeyJ' },
  previous: { keys: ['Alt', 'K'], code: 'KeyK' },
  reply: { keys: ['Alt', 'L'], code: 'KeyL' },
  note: { keys: ['Alt', 'P'], code: 'KeyP' },
  search: { keys: ['/'], key: '/' },
  sheet: { keys: ['?'], key: '?' },
  close: { keys: ['Esc'], key: 'Escape' },
} as const

export type Shortcut = keyof typeof SHORTCUTS
const handlers = new Map<Shortcut, (() => void)[]>()

/** Answer shortcuts while the component stands; the one mounted last is asked. */
export function useShortcuts(answers: Partial<Record<Shortcut, () => void>>): void {
  const entries = Object.entries(answers) as [Shortcut, () => void][]
  onMounted(() => {
    for (const [name, handler] of entries) handlers.set(name, [...(handlers.get(name) ?? []), handler])
  })
  onBeforeUnmount(() => {
    for (const [name, handler] of entries) {
      handlers.set(name, (handlers.get(name) ?? []).filter((known) => known !== handler))
    }
  })
}

/** The shortcut a key press means. With Alt the place of the key counts, because macOS writes other signs then. */
export function shortcutOf(event: KeyboardEvent): Shortcut | null {
  if (event.ctrlKey || event.metaKey || event.isComposing) return null
  for (const [name, shortcut] of Object.entries(SHORTCUTS) as [Shortcut, { code?: string; key?: string }][]) {
    if (shortcut.code && event.altKey && event.code === shortcut.code) return name
    if (shortcut.key && !event.altKey && event.key === shortcut.key) {
      return name === 'close' || !isWriting(event.target) ? name : null
    }
  }
  return null
}

export function onKeydown(event: KeyboardEvent): void {
  if (event.defaultPrevented || isDialogOpen()) return
  const name = shortcutOf(event)
  const handler = name && handlers.get(name)?.at(-1)
  if (!handler) return
  event.preventDefault()
  handler()
}

/** A dialog stays in the document when it closes; only one that takes up room is open. */
function isDialogOpen(): boolean {
  const dialogs = document.querySelectorAll('[aria-modal="true"]')
  return Array.from(dialogs).some((dialog) => dialog.getClientRects().length > 0)
}

function isWriting(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
}
