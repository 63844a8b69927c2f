/** Reads a packet: stored by the version of its time, so that every part may be missing or of another shape. */
import type { LocalText, OrderBrief, Packet, Profile, TriedStep } from '@/api/types'
import { i18n } from '@/i18n'
import { word } from '@/i18n/words'

/** Said with a name of its own elsewhere on the card. */
const SHOWN_ELSEWHERE = new Set(['name', 'language', 'tier'])

export function valueText(value: unknown): string {
  if (value === null || value === undefined) return '–'
  if (Array.isArray(value)) return value.map(valueText).join(', ')
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

export function triedText(step: TriedStep): string {
  const article = typeof step.article === 'string' ? step.article : step.article?.title
  return (article ?? step.answer ?? word('actionNames', step.action)) || '–'
}

/** A text that may come in both languages, in the reader's. */
export function localText(text: string | LocalText | null | undefined): string {
  if (!text || typeof text === 'string') return text ?? ''
  return (i18n.global.locale.value === 'zh-CN' ? text.zh : text.en) ?? ''
}

/** An amount with its currency as the reader writes it; without a currency as it came. */
export function amountText(order: OrderBrief): string {
  const amount = Number(order.total)
  if (!order.currency || !Number.isFinite(amount)) return String(order.total ?? '')
  return i18n.global.n(amount, { style: 'currency', currency: order.currency })
}

/** The traits that have no place of their own on the card. */
export function otherTraits(profile: Profile): [name: string, value: unknown][] {
  return Object.entries(profile.traits ?? {}).filter(([name]) => !SHOWN_ELSEWHERE.has(name))
}

export function ordersOf(profile: Profile | null, packet: Packet | null | undefined): OrderBrief[] {
  const orders = profile?.orders?.length ? profile.orders : (packet?.orders ?? [])
  return orders.filter((order) => typeof order.order_number === 'string')
}
