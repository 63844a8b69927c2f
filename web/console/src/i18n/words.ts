/** The server's codes in the reader's language: problems, reasons, channels, slots; unknown ones stay readable. */
import { Problem } from '@/api/problem'
import { i18n } from '.'

/** Translate a code under a group of messages, or make the code itself readable: "order_number" → "order number". */
export function word(group: string, code: string | null | undefined): string {
  if (!code) return ''
  const key = `${group}.${code}`
  return i18n.global.te(key) || i18n.global.te(key, 'en') ? i18n.global.t(key) : code.replaceAll('_', ' ')
}

/** Say a failed call in a sentence: by its code, else by its status, else in the server's own words. */
export function problemText(error: unknown): string {
  const { t, te } = i18n.global
  if (!(error instanceof Problem)) return t('problems.unexpected')
  const byCode = `problems.${error.code}`
  if (te(byCode, 'en')) return t(byCode, { seconds: error.retryAfterS ?? 0 })
  const byStatus = `problems.status_${error.status}`
  if (te(byStatus, 'en')) return t(byStatus)
  return error.status >= 500 ? t('problems.status_500') : error.detail || t('problems.unexpected')
}
