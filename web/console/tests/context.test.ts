import { describe, expect, it } from 'vitest'
import { amountText, localText, ordersOf, otherTraits, triedText, valueText } from '@/context/packet'
import { setLocale } from '@/i18n'

describe('the context pane', () => {
  it('shows the traits that have no place of their own', () => {
    expect(otherTraits({ customer_id: 'c', traits: { carrier: 'SF', name: 'Ada', tier: 'vip' } })).toEqual([['carrier', 'SF']])
    expect(otherTraits({ customer_id: 'c', traits: null })).toEqual([])
  })

  it('says a text in the reader’s language and an amount with its currency', () => {
    setLocale('zh-CN')
    expect(localText({ zh: '想退货', en: 'wants to return' })).toBe('想退货')
    setLocale('en')
    expect(localText({ zh: '想退货', en: 'wants to return' })).toBe('wants to return')
    expect(localText(null)).toBe('')
    expect(amountText({ order_number: 'A', total: '699.00', currency: 'CNY' })).toMatch(/699\.00/)
    expect(amountText({ order_number: 'A', total: 'free' })).toBe('free')
  })

  it('shows whatever an older packet holds', () => {
    expect(triedText({ article: { title: 'Returns' }, answer: 'within seven days' })).toBe('Returns')
    expect(triedText({ answer: 'on its way' })).toBe('on its way')
    expect(triedText({})).toBe('–')
    expect(valueText({ a: [1] })).toBe('{"a":[1]}')
    expect(ordersOf({ customer_id: 'c', orders: null }, { orders: [{ order_number: 'A' }] })).toEqual([{ order_number: 'A' }])
  })
})
