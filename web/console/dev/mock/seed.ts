/** What the mock server starts with: five people at the desk and conversations in every state. */
import type { EventData, Handoff, Profile, Row, UnderstoodData } from '../../src/api/types'
import type { MockAccount, MockConversation, MockState } from './state'

export const PASSWORD = 'correct horse'
const ANSWER_SOURCE = {
  article_id: 'return-policy', title: '七天无理由退货', section: '哪些商品可以退', url: '/help/zh/return-policy', version: '3',
}

export function seed(state: MockState, nBulk: number): MockAccount[] {
  const accounts = people()
  talkWithHandoff(state)
  englishComplaint(state)
  withAssistant(state)
  ofAgent(state, 'a-lin', '林梅', 'c-mine', '周航')
  ofAgent(state, 'a-wang', 'Wang Qiang', 'c-other', 'Nora Field')
  closed(state)
  for (let n = 0; n < nBulk; n += 1) bulk(state, n)
  return accounts
}

function people(): MockAccount[] {
  const person = (id: string, login: string, name: string, roles: MockAccount['roles']): MockAccount => ({
    id, login, name, roles, enabled: true, must_change_password: false, password: PASSWORD,
    created_at: ago(90 * 86_400), last_sign_in_at: ago(3600),
  })
  return [
    person('a-admin', 'admin', 'Administrator', ['administrator']),
    person('a-lin', 'lin', '林梅', ['agent']),
    person('a-wang', 'wang', 'Wang Qiang', ['agent', 'supervisor']),
    person('a-tao', 'tao', '陶然', ['trainer']),
    { ...person('a-new', 'newcomer', 'Newcomer', ['agent']), must_change_password: true, last_sign_in_at: null },
  ]
}

export function ago(seconds: number): string {
  return new Date(Date.now() - seconds * 1000).toISOString()
}

function row(id: string, name: string | null, more: Partial<Row> = {}): Row {
  return {
    id, channel: 'web', owner: { kind: 'bot' }, token: 1, last_seq: 0, updated_at: ago(3600), unread: 0,
    customer: { id: name ? `cu-${id}` : null, name, verified: false, tier: null, language: 'zh' },
    ...more,
  }
}

function profile(id: string, name: string, more: Partial<Profile> = {}): Profile {
  return { customer_id: id, name, language: 'zh', tier: 'normal', verified: false, ...more }
}

type Said = Partial<EventData['message']> & { text: string }

function says(state: MockState, c: MockConversation, kind: 'customer' | 'bot' | 'agent', said: Said, at: string): string {
  const message_id = `${c.row.id}-m${c.row.last_seq + 1}`
  const author = { kind, ...(said.author ?? {}) }
  const message_state = kind === 'customer' ? ('received' as const) : ('sent' as const)
  state.append(c, 'message', { message_id, kind: 'text', state: message_state, ...said, author }, at)
  return message_id
}

function understood(
  state: MockState, c: MockConversation, message_id: string, at: string, more: Partial<UnderstoodData>,
): void {
  state.append(c, 'understood', {
    message_id, intent: { name: 'ask_order_status', confidence: 0.93 },
    ranking: [
      { name: 'ask_order_status', confidence: 0.93 },
      { name: 'track_parcel', confidence: 0.04 },
      { name: 'complain', confidence: 0.01 },
    ],
    entities: [], sentiment: { label: 'neutral', score: 0.02 }, language: 'zh', model_id: 'assistant-20260101', ...more,
  }, at)
}

function talkWithHandoff(state: MockState): void {
  const base = row('c-chen', '陈思雨', { mood: -0.62 })
  base.customer = { id: 'cu-chen', name: '陈思雨', verified: true, tier: 'vip', language: 'zh' }
  const c = state.add(base, profile('cu-chen', '陈思雨', {
    tier: 'vip', verified: true, shop_customer_id: 'S-10023',
    identifiers: [
      { kind: 'phone', value: '138****2046', verified: true },
      { kind: 'email', value: 'ch***@example.com', verified: true },
    ],
    traits: { tier: 'vip', preferred_carrier: '顺丰', orders_last_year: '14' },
    orders: [
      { order_number: 'AB-123456', status: 'shipped', total: '699.00', currency: 'CNY', placed_at: ago(6 * 86_400), items: [{ zh: '降噪耳机', en: 'Noise-cancelling headphones' }] },
      { order_number: 'AB-119870', status: 'completed', total: '89.00', currency: 'CNY', placed_at: ago(40 * 86_400), items: [{ zh: '数据线', en: 'Cable' }] },
    ],
  }))
  const yesterday = ago(86_400)
  says(state, c, 'customer', { text: '在吗' }, yesterday)
  says(state, c, 'bot', { text: '您好，陈思雨！您有一笔订单 AB-123456 正在配送，需要查询物流吗？', kind: 'choices', choices: [{ title: '查物流', payload: '/track_parcel' }, { title: '转人工', payload: '/ask_human' }] }, yesterday)
  const first = says(state, c, 'customer', { text: '我的订单 AB-123456 到哪了？说好昨天到的' }, ago(460))
  says(state, c, 'bot', { text: '订单 AB-123456 已于三天前发货，目前在杭州转运中心。', in_reply_to: first }, ago(457))
  understood(state, c, first, ago(457), { entities: [{ entity: 'order_number', value: 'AB-123456', start: 5, end: 14 }], sentiment: { label: 'negative', score: -0.41 } })
  const second = says(state, c, 'customer', { text: '三天没动了，我要退货，拆开的能退吗' }, ago(420))
  says(state, c, 'bot', { text: '签收后七天内可以无理由退货，商品需保持完好。', kind: 'answer', quote: '自签收次日起七天内，商品完好、配件齐全的，可以无理由退货；已拆封但不影响二次销售的同样适用。', source: ANSWER_SOURCE, in_reply_to: second }, ago(418))
  understood(state, c, second, ago(418), { intent: { name: 'request_return', confidence: 0.58 }, ranking: [{ name: 'request_return', confidence: 0.58 }, { name: 'ask_return_policy', confidence: 0.31 }, { name: 'complain', confidence: 0.07 }], sentiment: { label: 'negative', score: -0.66 } })
  const third = says(state, c, 'customer', { text: '别跟我念条款！！找人来' }, ago(402))
  understood(state, c, third, ago(400), { intent: { name: 'ask_human', confidence: 0.97 }, ranking: [], sentiment: { label: 'negative', score: -0.91 } })
  says(state, c, 'bot', { text: '好的，正在为您转接人工客服，前面还有 0 位。' }, ago(400))
  state.openHandoff(c, packetOf(first, second, third), ago(400))
}

function packetOf(first: string, second: string, third: string): Handoff {
  const reason = { code: 'customer_asked', evidence: '别跟我念条款！！找人来', said_by: 'customer' }
  return {
    id: 'h-chen', state: 'waiting', reason, created_at: ago(400),
    packet: {
      reason, goal: { zh: '想退回订单 AB-123456', en: 'wants to return order AB-123456' },
      known: [
        { slot: 'order_number', value: 'AB-123456', message_id: first, at: ago(460), verified: true },
        { slot: 'return_reason', value: '物流停滞', message_id: second, at: ago(420), verified: false },
      ],
      tried: [
        { answer: '订单 AB-123456 已于三天前发货，目前在杭州转运中心。', received: 'rejected' },
        { article: { title: '七天无理由退货', url: '/help/zh/return-policy' }, probability: 0.81, received: 'rejected' },
      ],
      mood: [
        { message_id: first, score: -0.41 }, { message_id: second, score: -0.66 }, { message_id: third, score: -0.91 },
      ],
      suggestion: '陈女士您好，我是人工客服，您的订单 AB-123456 卡在杭州三天了，我现在就为您处理退货。',
      made_at: ago(400), model_id: 'assistant-20260101',
    },
  }
}

function englishComplaint(state: MockState): void {
  const base = row('c-miller', 'Grace Miller', { mood: -0.2, channel: 'email' })
  base.customer = { id: 'cu-miller', name: 'Grace Miller', verified: false, tier: 'gold', language: 'en' }
  const c = state.add(base, profile('cu-miller', 'Grace Miller', { language: 'en', tier: 'gold' }))
  const asked = says(state, c, 'customer', { text: 'I was charged twice for one order and your invoice shows neither. <b>Please</b> look into it.' }, ago(95))
  understood(state, c, asked, ago(93), { intent: { name: 'report_payment_trouble', confidence: 0.44 }, language: 'en', ranking: [] })
  const reason = { code: 'not_understood', evidence: 'charged twice … invoice shows neither', said_by: 'assistant' }
  state.openHandoff(c, { id: 'h-miller', state: 'waiting', reason, created_at: ago(90), packet: { reason, goal: { zh: '支付遇到问题', en: 'has trouble with a payment' } } }, ago(90))
}

function withAssistant(state: MockState): void {
  const c = state.add(row('c-bot', null), null)
  const asked = says(state, c, 'customer', { text: '你们支持开专票吗？' }, ago(30))
  says(state, c, 'bot', { text: '支持。请在订单详情中选择“申请发票”。' }, ago(28))
  understood(state, c, asked, ago(28), { intent: { name: 'request_invoice', confidence: 0.88 } })
}

function ofAgent(state: MockState, agentId: string, agentName: string, id: string, customer: string): void {
  const c = state.add(row(id, customer, { mood: 0.35 }), profile(`cu-${id}`, customer))
  says(state, c, 'customer', { text: 'Can I change the delivery address? 地址写错了' }, ago(700))
  const reason = { code: 'complaint', evidence: null, said_by: 'rule' }
  state.openHandoff(c, { id: `h-${id}`, state: 'waiting', reason, created_at: ago(690), packet: null }, ago(690))
  state.changeOwner(c, { kind: 'agent', agent: { id: agentId, name: agentName } }, 'taken', ago(640))
  if (c.handoff) c.handoff = { ...c.handoff, state: 'active', agent: { id: agentId, name: agentName }, taken_at: ago(640) }
  const late = `${id}-late`
  state.append(c, 'message', { message_id: late, author: { kind: 'bot' }, kind: 'text', text: 'I can help with that! Which order is it?', state: 'dropped_late' }, ago(639))
  state.append(c, 'note', { text: '已联系仓库，还没出库，可以改。', author: { kind: 'agent', id: agentId, name: agentName } }, ago(600))
  says(state, c, 'agent', { text: 'Sure, I am changing it now. 请发我新地址。', author: { kind: 'agent', id: agentId, name: agentName } }, ago(580))
}

function closed(state: MockState): void {
  const c = state.add(row('c-closed', 'Old Friend', { mood: 0.8 }), profile('cu-old', 'Old Friend'))
  says(state, c, 'customer', { text: 'thanks, all good' }, ago(9000))
  state.changeOwner(c, { kind: 'closed' }, 'resolved', ago(8990))
  state.append(c, 'closed', {}, ago(8990))
}

function bulk(state: MockState, n: number): void {
  const c = state.add(row(`c-bulk-${n}`, `Customer ${n}`), null)
  says(state, c, 'customer', { text: `Question number ${n}` }, ago(10_000 + n))
}
