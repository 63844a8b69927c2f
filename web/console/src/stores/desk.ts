/** The list of conversations: one view of it, searched, paged, and kept true by live rows. */
import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'
import { api, isAborted } from '@/api/client'
import type { Counts, Row, View } from '@/api/types'
import { belongsTo, compareRows, isStale } from '@/desk/rowOrder'
import { useSession } from './session'

const PAGE = 50
const LARGEST_PAGE = 100
const SEARCH_REFRESH_MS = 800

export const useDesk = defineStore('desk', () => {
  const session = useSession()
  const view = ref<View>('queue')
  const query = ref('')
  const rows = shallowRef<Row[]>([])
  const counts = ref<Counts | null>(null)
  const nextCursor = ref<string | null>(null)
  const loading = ref(false)
  const loadingMore = ref(false)
  const error = shallowRef<unknown>(null)
  /** Ids of rows that came live, for the entrance animation. */
  const arrived = ref(new Set<string>())
  let listeners: ((row: Row, before: Row | undefined) => void)[] = []
  let pending: AbortController | null = null
  let refreshTimer: ReturnType<typeof setTimeout> | undefined

  const waiting = computed(() => counts.value?.queue ?? 0)

  /** Show a view; the rows of the former one are left at once, a search keeps them until the answer comes. */
  async function show(nextView: View, nextQuery: string): Promise<void> {
    if (nextView !== view.value) rows.value = []
    view.value = nextView
    query.value = nextQuery
    arrived.value.clear()
    await refresh()
  }

  /** Read the view again, as many rows as are shown now. */
  async function refresh(): Promise<void> {
    pending?.abort()
    clearTimeout(refreshTimer)
    const mine = (pending = new AbortController())
    loading.value = true
    error.value = null
    try {
      const limit = Math.min(LARGEST_PAGE, Math.max(PAGE, rows.value.length))
      const page = await api.rows({ view: view.value, q: query.value, limit }, mine.signal)
      rows.value = page.items
      nextCursor.value = page.next_cursor
      counts.value = page.counts
    } catch (failure) {
      if (!isAborted(failure)) error.value = failure
    } finally {
      if (pending === mine) loading.value = false
    }
  }

  async function loadMore(): Promise<void> {
    if (!nextCursor.value || loadingMore.value || loading.value) return
    loadingMore.value = true
    const asked = { view: view.value, q: query.value, cursor: nextCursor.value }
    try {
      const page = await api.rows({ ...asked, limit: PAGE })
      if (asked.view !== view.value || asked.q !== query.value) return
      const shown = new Set(rows.value.map((row) => row.id))
      rows.value = [...rows.value, ...page.items.filter((row) => !shown.has(row.id))]
      nextCursor.value = page.next_cursor
    } catch (failure) {
      if (!isAborted(failure)) error.value = failure
    } finally {
      loadingMore.value = false
    }
  }

  /** Take in a live row: it moves, appears or leaves as the view asks. */
  function applyRow(row: Row): void {
    const before = rows.value.find((known) => known.id === row.id)
    if (isStale(row, before)) return
    for (const listener of listeners) listener(row, before)
    if (query.value && !before) return refreshSoon()
    const others = rows.value.filter((known) => known.id !== row.id)
    if (!belongsTo(row, view.value, session.account?.id ?? '')) {
      if (before) rows.value = others
      return
    }
    const next = [...others, row].sort(compareRows(view.value))
    // Below the last loaded page there may be rows we do not know: it comes with its page.
    if (!before && nextCursor.value && next[next.length - 1] === row) return
    if (!before) arrived.value.add(row.id)
    rows.value = next
  }

  function applyCounts(next: Counts): void {
    counts.value = next
  }

  function onRow(listener: (row: Row, before: Row | undefined) => void): () => void {
    listeners = [...listeners, listener]
    return () => {
      listeners = listeners.filter((known) => known !== listener)
    }
  }

  /** The conversation above (-1) or below (+1) one; the first when it is not in the list. */
  function neighbour(id: string | null, step: 1 | -1): string | null {
    const index = rows.value.findIndex((row) => row.id === id)
    const target = index === -1 ? 0 : index + step
    return rows.value[target]?.id ?? null
  }

  function refreshSoon(): void {
    clearTimeout(refreshTimer)
    refreshTimer = setTimeout(() => void refresh(), SEARCH_REFRESH_MS)
  }

  function leave(): void {
    pending?.abort()
    clearTimeout(refreshTimer)
    rows.value = []
    error.value = null
  }

  return {
    view, query, rows, counts, waiting, nextCursor, loading, loadingMore, error, arrived,
    show, refresh, loadMore, applyRow, applyCounts, onRow, neighbour, leave,
  }
})
