/** One clock for everything on the page that counts seconds; it stands still while nobody looks at it. */
import { onBeforeUnmount, onMounted, ref, type Ref } from 'vue'

const now = ref(Date.now())
let watchers = 0
let timer: ReturnType<typeof setInterval> | undefined

export function useNow(): Ref<number> {
  onMounted(() => {
    if (watchers++ === 0) timer = setInterval(() => (now.value = Date.now()), 1000)
    now.value = Date.now()
  })
  onBeforeUnmount(() => {
    if (--watchers === 0) clearInterval(timer)
  })
  return now
}
