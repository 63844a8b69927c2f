/** What this browser's user likes: language, theme, sounds and notices; kept in the browser. */
import { defineStore } from 'pinia'
import { computed, ref, watch } from 'vue'
import { browserLocale, isLocale, setLocale, type Locale } from '@/i18n'

export type Theme = 'system' | 'light' | 'dark'
const KEY = 'yiti.console.preferences'

interface Saved {
  locale?: Locale
  theme?: Theme
  sound?: boolean
  notices?: boolean
}

export const usePreferences = defineStore('preferences', () => {
  const saved = read()
  const chosenLocale = ref<Locale | null>(saved.locale ?? null)
  const theme = ref<Theme>(saved.theme ?? 'system')
  const sound = ref(saved.sound ?? false)
  const notices = ref(saved.notices ?? false)
  const systemDark = window.matchMedia('(prefers-color-scheme: dark)')
  const systemIsDark = ref(systemDark.matches)
  systemDark.addEventListener('change', (change) => (systemIsDark.value = change.matches))

  const locale = computed<Locale>(() => chosenLocale.value ?? browserLocale())
  const isDark = computed(() => theme.value === 'dark' || (theme.value === 'system' && systemIsDark.value))

  watch(locale, setLocale, { immediate: true })
  watch(isDark, (dark) => document.documentElement.classList.toggle('dark', dark), { immediate: true })
  watch([chosenLocale, theme, sound, notices], () =>
    write({
      locale: chosenLocale.value ?? undefined,
      theme: theme.value,
      sound: sound.value,
      notices: notices.value,
    }),
  )

  function chooseLocale(next: Locale): void {
    chosenLocale.value = next
  }

  return { locale, theme, sound, notices, isDark, chooseLocale }
})

function read(): Saved {
  try {
    const saved = JSON.parse(localStorage.getItem(KEY) ?? '{}') as Saved
    return isLocale(saved.locale) ? saved : { ...saved, locale: undefined }
  } catch {
    return {}
  }
}

function write(saved: Saved): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(saved))
  } catch {
    // Storage refused (private window, full): the choice holds for this page.
  }
}
