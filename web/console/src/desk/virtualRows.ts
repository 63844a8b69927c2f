/** Draws only the rows in sight of a list whose rows are all equally high. */
import { computed, onBeforeUnmount, onMounted, ref, type ComputedRef, type Ref } from 'vue'

const OVERSCAN = 6

export interface VirtualRows {
  first: ComputedRef<number>
  last: ComputedRef<number>
  onScroll: () => void
  scrollTo: (index: number) => void
}

/** The half-open range of rows to draw. */
export function visibleRange(top: number, height: number, rowHeight: number, count: number): [first: number, last: number] {
  const first = Math.max(0, Math.floor(top / rowHeight) - OVERSCAN)
  const last = Math.min(count, Math.ceil((top + height) / rowHeight) + OVERSCAN)
  return [Math.min(first, last), last]
}

export function useVirtualRows(box: Ref<HTMLElement | undefined>, count: () => number, rowHeight: number): VirtualRows {
  const top = ref(0)
  const height = ref(800)
  let observer: ResizeObserver | undefined
  const range = computed(() => visibleRange(top.value, height.value, rowHeight, count()))

  function onScroll(): void {
    top.value = box.value?.scrollTop ?? 0
  }

  /** Bring a row wholly into sight, moving no further than needed. */
  function scrollTo(index: number): void {
    const element = box.value
    if (!element || index < 0) return
    const start = index * rowHeight
    if (start < element.scrollTop) element.scrollTop = start
    else if (start + rowHeight > element.scrollTop + element.clientHeight) {
      element.scrollTop = start + rowHeight - element.clientHeight
    }
  }

  onMounted(() => {
    if (!box.value) return
    observer = new ResizeObserver(([entry]) => (height.value = entry?.contentRect.height ?? height.value))
    observer.observe(box.value)
  })
  onBeforeUnmount(() => observer?.disconnect())

  return { first: computed(() => range.value[0]), last: computed(() => range.value[1]), onScroll, scrollTo }
}
